metadata description = 'A Logic App that calls the app by its own identity, waits for the end and branches on it.'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags object

@description('Required. What makes the names unique.')
param suffix string

@description('Required. URL of the function app.')
param appUrl string

@description('Required. The audience that it asks a token for.')
param audience string

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = {
  name: 'logic-${suffix}'
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

@description('Object id of the identity of the Logic App.')
output principalId string = workflow.identity.principalId
