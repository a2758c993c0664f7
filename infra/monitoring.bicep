metadata description = 'Application Insights that takes telemetry from Entra identities alone, in a Log Analytics workspace of its own or in one that is there.'

import { tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. Name of Application Insights.')
param name string

@description('Required. Name of the Log Analytics workspace that is made.')
param logsName string

@description('Required. Resource id of a Log Analytics workspace that is there; empty where one is made.')
param existingLogsId string

@description('Optional. For how many days logs are kept in a workspace that is made; the first 31 cost nothing.')
@minValue(30)
@maxValue(730)
param retentionInDays int = 90

resource logs 'Microsoft.OperationalInsights/workspaces@2025-07-01' = if (empty(existingLogsId)) {
  name: logsName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: empty(existingLogsId) ? logs.id : existingLogsId
    DisableLocalAuth: true
  }
}

@description('Resource id of the Log Analytics workspace.')
output logsId string = empty(existingLogsId) ? logs.id : existingLogsId

@description('Resource id of Application Insights.')
output insightsId string = insights.id
