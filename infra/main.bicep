metadata description = 'An app that cancels Databricks job runs and stays with each until it has stopped, with all that it needs.'

targetScope = 'subscription'

@description('Required. Name of the azd environment: the resource group and every other name are made from it.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Required. Azure region; it must offer the Flex Consumption plan.')
@minLength(1)
param location string

@description('Optional. Object id of whoever deploys: may then write secrets into the vault. Empty gives nobody that role.')
param principalId string = ''

@description('Optional. URL of the workspace, such as https://adb-1234567890123456.7.azuredatabricks.net; for several use databricksWorkspaces.')
param databricksHost string = ''

@description('Optional. Several workspaces by the name that requests call them: {"prod": {"host": "https://...", "tokenSecret": "..."}}.')
param databricksWorkspaces object = {}

@description('Optional. Further settings of the app by their name, as docs/operations.md lists them.')
param furtherSettings object = {}

@description('Optional. Name of the Storage queue of alerts; what can never work goes to the queue of this name with -poison.')
param queueName string = 'cancel-active-run'

@description('Optional. Redundancy of the storage account, which holds the orchestrations.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS'])
param storageSku string = 'Standard_LRS'

@description('Optional. Memory of one instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Optional. Most instances that may run at once.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Instances that always run for the orchestrations: one of them spares the cold start and costs a baseline.')
@minValue(0)
@maxValue(10)
param alwaysReadyInstances int = 0

@description('Optional. Where orchestrations are kept: the storage account, or a Durable Task Scheduler (then deploy infra/host.scheduler.json as host.json).')
@allowed(['storage', 'scheduler'])
param durableBackend string = 'storage'

@description('Optional. Whether the app reaches its storage and its vault through private endpoints, which are then closed to the internet.')
param privateNetwork bool = false

@description('Optional. Client id of an Entra app registration: with one, the HTTP endpoints take its tokens instead of function keys.')
param entraClientId string = ''

@description('Optional. The audience that a caller asks a token for: an application id URI of that registration.')
param entraAudience string = 'api://${entraClientId}'

@description('Optional. Object ids of the principals that may call the HTTP endpoints, once Entra stands in front of them.')
param allowedCallers array = []

@description('Optional. Whether to deploy a Logic App that calls the app. It needs entraClientId.')
param logicApp bool = false

@description('Optional. Whether to deploy an action group that brings Azure Monitor alerts. It needs entraClientId and the two that follow.')
param monitorAlerts bool = false

@description('Optional. Object id of that app registration, which the action group names in its calls.')
param entraObjectId string = ''

@description('Optional. Object id, in this tenant, of the principal of Azure Monitor action groups (application 461e8683-5575-4561-ac7f-899cc907d62a).')
param actionGroupPrincipalId string = ''

@description('Optional. Resource id of the Log Analytics workspace that has the diagnostic logs of Databricks jobs; with one, a sample alert rule is deployed.')
param databricksLogsId string = ''

@description('Optional. E-mail addresses that the alert rules for operators write to. With none the alerts are seen in the portal only.')
param operatorEmails array = []

var suffix = uniqueString(subscription().id, environmentName, location)
var appName = 'func-${suffix}'
// the name is enough to know it, so that the Logic App can be there before the app that lets it in
var appUrl = 'https://${appName}.azurewebsites.net'
var withEntra = !empty(entraClientId)
var withLogicApp = logicApp && withEntra
var withAlerts = monitorAlerts && withEntra
var withScheduler = durableBackend == 'scheduler'
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module monitoring 'monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    sku: storageSku
    queueName: queueName
    closed: privateNetwork
  }
}

module vault 'vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    logsId: monitoring.outputs.logsId
    closed: privateNetwork
  }
}

module scheduler 'scheduler.bicep' = if (withScheduler) {
  name: 'scheduler'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
  }
}

module network 'network.bicep' = if (privateNetwork) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    insightsName: monitoring.outputs.insightsName
    schedulerName: withScheduler ? scheduler!.outputs.name : ''
    principalId: principalId
  }
}

module workflow 'logic-app.bicep' = if (withLogicApp) {
  name: 'logic-app'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    appUrl: appUrl
    audience: entraAudience
  }
}

module app 'app.bicep' = {
  name: 'app'
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    name: appName
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    storageName: storage.outputs.name
    deploymentContainer: storage.outputs.deploymentContainer
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    insightsName: monitoring.outputs.insightsName
    schedulerEndpoint: withScheduler ? scheduler!.outputs.endpoint : ''
    schedulerHub: withScheduler ? scheduler!.outputs.hub : ''
    subnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    vaultUri: vault.outputs.uri
    queueName: queueName
    databricksHost: databricksHost
    databricksWorkspaces: databricksWorkspaces
    furtherSettings: furtherSettings
    entraClientId: entraClientId
    entraAudience: entraAudience
    allowedCallers: concat(allowedCallers, withLogicApp ? [workflow!.outputs.principalId] : [], withAlerts ? [actionGroupPrincipalId] : [])
  }
}

module alerts 'alerts.bicep' = if (withAlerts) {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    appUrl: app.outputs.url
    audience: entraAudience
    entraObjectId: entraObjectId
    databricksLogsId: databricksLogsId
  }
}

module operators 'operators.bicep' = {
  name: 'operators'
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    emails: operatorEmails
  }
}

@description('Name of the resource group.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app.')
output APP_NAME string = app.outputs.name

@description('URL of the function app.')
output APP_URL string = app.outputs.url

@description('What to ask a token for to call the app; empty where function keys are asked for.')
output APP_AUDIENCE string = withEntra ? entraAudience : ''

@description('Name of the storage account, which holds the queue of alerts and its poison.')
output STORAGE_NAME string = storage.outputs.name

@description('Name of the vault that the Databricks token belongs into.')
output KEY_VAULT_NAME string = vault.outputs.name

@description('Name of the secret that the app reads, where one workspace is named by databricksHost.')
output TOKEN_SECRET_NAME string = furtherSettings.?DATABRICKS_TOKEN_SECRET ?? 'databricks-token'

@description('The one address from which the app reaches Databricks, where it has a network of its own: for IP access lists.')
output OUTBOUND_IP string = privateNetwork ? network!.outputs.outboundIp : ''
