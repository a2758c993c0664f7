metadata description = 'A network for the app: a subnet to go out from by one address, and a subnet of private endpoints.'

import { addressesType, tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. What makes the names unique.')
param suffix string

@description('Required. Name of the network.')
param name string

@description('Required. Ranges of addresses: of the network, of the instances of the app (one for each, at most), of the private endpoints.')
param addresses addressesType

resource address 'Microsoft.Network/publicIPAddresses@2025-07-01' = {
  name: 'pip-${suffix}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIPAllocationMethod: 'Static' }
}

resource gateway 'Microsoft.Network/natGateways@2025-07-01' = {
  name: 'ng-${suffix}'
  location: location
  tags: tags
  sku: { name: 'Standard' }
  properties: { publicIpAddresses: [{ id: address.id }] }
}

resource guard 'Microsoft.Network/networkSecurityGroups@2025-07-01' = {
  name: 'nsg-${suffix}'
  location: location
  tags: tags
}

// the subnets stand in the network: a network that is deployed again without them would take them away
resource network 'Microsoft.Network/virtualNetworks@2025-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addresses.network] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: addresses.app
          natGateway: { id: gateway.id }
          networkSecurityGroup: { id: guard.id }
          delegations: [
            {
              name: 'flex-consumption'
              properties: { serviceName: 'Microsoft.App/environments' }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: addresses.endpoints
          networkSecurityGroup: { id: guard.id }
        }
      }
    ]
  }
}

@description('Resource id of the network.')
output id string = network.id

@description('Resource id of the subnet of the app.')
output appSubnetId string = '${network.id}/subnets/app'

@description('Resource id of the subnet of the private endpoints.')
output endpointSubnetId string = '${network.id}/subnets/endpoints'

@description('The address from which the app reaches Databricks.')
output outboundIp string = address.properties.ipAddress
