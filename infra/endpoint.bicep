metadata description = 'A private endpoint, and its name in a private DNS zone: one that is there, or one of its own in a network that is made.'

import { tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. What makes the names unique.')
param suffix string

@description('Required. What it is a door to, as Private Link calls it: blob, queue, table, vault or sites.')
param service string

@description('Required. Resource id of what it is a door to.')
param resourceId string

@description('Required. Resource id of the subnet that it stands in.')
param subnetId string

@description('Required. Name of the private DNS zone of that service.')
param zoneName string

@description('Required. Resource id of a zone that is there; empty for none.')
param zoneId string

@description('Required. Whether the network is made here: then the zone is too, where none is given.')
param ownNetwork bool

@description('Required. Resource id of the network that is made; empty for none.')
param networkId string

// in a network that others keep, a zone of its own could hide theirs
var ownZone = ownNetwork && empty(zoneId)

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = if (ownZone) {
  name: zoneName
  location: 'global'
  tags: tags
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = if (ownZone) {
  parent: zone
  name: 'network'
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-07-01' = {
  name: 'pe-${service}-${suffix}'
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: resourceId
          groupIds: [service]
        }
      }
    ]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-07-01' = if (ownZone || !empty(zoneId)) {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service
        properties: { privateDnsZoneId: ownZone ? zone.id : zoneId }
      }
    ]
  }
  dependsOn: [link]
}
