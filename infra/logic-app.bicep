metadata description = 'A Logic App that calls the app by its own identity, waits for the end and branches on it.'

import { tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. Name of the Logic App.')
param name string

@description('Required. URL of the function app.')
param appUrl string

@description('Required. The audience that it asks a token for.')
param audience string

@description('Required. Resource id of the Log Analytics workspace for its logs.')
param logsId string

@description('Required. Whether its runs are logged there.')
param allLogs bool

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: name
  location: location
  tags: tags
  identity: { type: 'SystemAssigned' }
  properties: {
    definition: loadJsonContent('workflow.json')
    parameters: {
      cancelUri: { value: '${appUrl}/api/cancel-active-run' }
      audience: { value: audience }
    }
  }
}

resource runs 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (allLogs) {
  scope: workflow
  name: 'runs'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

@description('Object id of the identity of the Logic App.')
output principalId string = workflow.identity.principalId
