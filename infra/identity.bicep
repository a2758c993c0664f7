metadata description = 'The identity of the app, and every role that anybody is given.'

import { tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. Name of the identity.')
param name string

@description('Required. Name of the storage account.')
param storageName string

@description('Required. Name of the vault.')
param vaultName string

@description('Required. Name of Application Insights.')
param insightsName string

@description('Required. Name of the Durable Task Scheduler.')
param schedulerName string

@description('Required. Whether there is one.')
param withScheduler bool

@description('Required. Object id of whoever may write secrets into the vault; empty for nobody.')
param principalId string

var roles = {
  // the host makes containers, queues and tables by names that it chooses: the account is the narrowest scope
  'Storage Blob Data Owner': 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  'Storage Queue Data Contributor': '974c5e8b-45b9-4653-ba55-5f855dd0fb88'
  'Storage Table Data Contributor': '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
  'Key Vault Secrets User': '4633458b-17de-408a-b874-0445c86b69e6'
  'Key Vault Secrets Officer': 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  'Monitoring Metrics Publisher': '3913510d-42f4-4e42-8a64-420c390055eb'
  'Durable Task Data Contributor': '0ad04412-c4d5-4796-b79c-f76d14c8d402'
}
var storageRoles = ['Storage Blob Data Owner', 'Storage Queue Data Contributor', 'Storage Table Data Contributor']

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

resource storage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2025-05-01' existing = {
  name: vaultName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' existing = {
  name: '${schedulerName}/CancelActiveRun'
}

resource usesStorage 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in storageRoles: {
    scope: storage
    name: guid(storage.id, identity.id, role)
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles[role])
      principalId: identity.properties.principalId
      principalType: 'ServicePrincipal'
    }
  }
]

resource readsSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: vault
  name: guid(vault.id, identity.id, 'Key Vault Secrets User')
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles['Key Vault Secrets User'])
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource publishesTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: insights
  name: guid(insights.id, identity.id, 'Monitoring Metrics Publisher')
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Monitoring Metrics Publisher']
    )
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

resource usesHub 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (withScheduler) {
  scope: hub
  name: guid(hub.id, identity.id, 'Durable Task Data Contributor')
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Durable Task Data Contributor']
    )
    principalId: identity.properties.principalId
    principalType: 'ServicePrincipal'
  }
}

// the person that deploys, who puts the token into the vault; a pipeline that does not is not given its id
resource writesSecrets 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(principalId)) {
  scope: vault
  name: guid(vault.id, principalId, 'Key Vault Secrets Officer')
  properties: {
    roleDefinitionId: subscriptionResourceId(
      'Microsoft.Authorization/roleDefinitions',
      roles['Key Vault Secrets Officer']
    )
    principalId: principalId
  }
}

@description('Resource id of the identity.')
output id string = identity.id

@description('Client id of the identity.')
output clientId string = identity.properties.clientId
