metadata description = 'An app that cancels Databricks job runs and stays with each until it has stopped, with all that it needs.'

targetScope = 'subscription'

import {
  addressesType
  callersType
  emailsType
  namesType
  settingsType
  sourcesType
  tagsType
  workspacesType
  zonesType
} from 'types.bicep'

@description('Required. Name of the azd environment: the resource group and every other name are made from it.')
@minLength(1)
@maxLength(40)
param environmentName string

@description('Required. Azure region; it must offer the Flex Consumption plan.')
@minLength(1)
param location string

@description('Optional. Object id of whoever deploys: may then write secrets into the vault. Empty gives nobody that role.')
param principalId string = ''

@description('Optional. Name of the resource group, which is made where it is not there.')
@maxLength(90)
param resourceGroupName string = 'rg-${environmentName}'

@description('Optional. Names of resources, in place of those that are made: {"storageAccount": "...", "keyVault": "..."}.')
param resourceNames namesType = {}

@description('Optional. Tags of every resource, beside the one that azd finds its environment by.')
param resourceTags tagsType = {}

@description('Optional. URL of the workspace, such as https://adb-1234567890123456.7.azuredatabricks.net; for several use databricksWorkspaces.')
param databricksHost string = ''

@description('Optional. Several workspaces by the name that requests call them: {"prod": {"host": "https://...", "tokenSecret": "..."}}.')
param databricksWorkspaces workspacesType = {}

@description('Optional. Further settings of the app by their name, as docs/settings.md lists them.')
param furtherSettings settingsType = {}

@description('Optional. Whether the app begins no cancellation: what is under way ends, and alerts wait in the queue.')
param drained bool = false

@description('Optional. Name of the Storage queue of alerts; what can never work goes to the queue of this name with -poison.')
@minLength(3)
@maxLength(56)
param queueName string = 'cancel-active-run'

@description('Optional. Redundancy of the storage account, which holds the orchestrations.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageSku string = 'Standard_LRS'

@description('Optional. Whether the instances of the app are spread over the zones of the region. It needs a storageSku with ZRS in it.')
param zoneRedundant bool = false

@description('Optional. Memory of one instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Optional. Most instances that may run at once.')
@minValue(40)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Instances that always run for the orchestrations: Microsoft advises 1 for Durable. 0 costs nothing at rest.')
@minValue(0)
@maxValue(10)
param alwaysReadyInstances int = 1

@description('Optional. Instances that always run for the HTTP endpoints: 1 spares callers and alerts the cold start.')
@minValue(0)
@maxValue(10)
param alwaysReadyHttpInstances int = 0

@description('Optional. Where orchestrations are kept: the storage account, or a Durable Task Scheduler (then deploy infra/host.scheduler.json as host.json).')
@allowed(['storage', 'scheduler'])
param durableBackend string = 'storage'

@description('Optional. Whether the app reaches its storage and its vault through private endpoints, which are then closed to the internet.')
param privateNetwork bool = false

@description('Optional. Ranges of addresses of the network that privateNetwork makes.')
param networkAddresses addressesType = { network: '10.0.0.0/24', app: '10.0.0.0/26', endpoints: '10.0.0.64/28' }

@description('Optional. Resource id of a subnet that is there, delegated to Microsoft.App/environments, for the app to go out through: then no network is made.')
param appSubnetId string = ''

@description('Optional. Resource id of a subnet that is there for the private endpoints. It goes with appSubnetId.')
param endpointSubnetId string = ''

@description('Optional. Resource ids of private DNS zones that are there, such as those of a hub: {"blob": "...", "queue": "...", "table": "...", "vault": "...", "sites": "..."}.')
param privateDnsZones zonesType = {}

@description('Optional. Who reaches the HTTP endpoints at all: the internet, or only the network, through a private endpoint.')
@allowed(['public', 'private'])
param inbound string = 'public'

@description('Optional. Service tags and ranges of addresses that alone reach the HTTP endpoints from the internet: ["ActionGroup", "203.0.113.0/24"]. Empty for all.')
param allowedSources sourcesType = []

@description('Optional. Client id of an Entra app registration: with one, the HTTP endpoints take its tokens instead of function keys.')
param entraClientId string = ''

@description('Optional. The audience that a caller asks a token for: an application id URI of that registration.')
param entraAudience string = 'api://${entraClientId}'

@description('Optional. Version of the tokens that the registration asks for, its requestedAccessTokenVersion: 1 where that is empty.')
@allowed([1, 2])
param entraTokenVersion int = 1

@description('Optional. Object ids of the principals that may call the HTTP endpoints, once Entra stands in front of them.')
param allowedCallers callersType = []

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

@description('Optional. Resource id of the Databricks workspace whose runs the sample rule cancels: others may write to the same logs.')
param databricksResourceId string = ''

@description('Optional. What the settings call that workspace; empty for the default one.')
param alertWorkspace string = ''

@description('Optional. E-mail addresses that the alert rules for operators write to. With none the alerts are seen in the portal only.')
param operatorEmails emailsType = []

@description('Optional. Resource id of a Log Analytics workspace that is there; empty for one of its own.')
param logAnalyticsId string = ''

@description('Optional. Whether the storage account, the app and the Logic App send their resource logs there too. Those of the vault are always sent.')
param allLogs bool = false

@description('Optional. Whether the storage account and the vault are locked against being deleted.')
param locked bool = false

var suffix = uniqueString(subscription().id, environmentName, location)
// they are known before anything is deployed, so that a preview sees through every module
var names = {
  functionApp: resourceNames.?functionApp ?? 'func-${suffix}'
  plan: resourceNames.?plan ?? 'plan-${suffix}'
  identity: resourceNames.?identity ?? 'id-${suffix}'
  storageAccount: resourceNames.?storageAccount ?? 'st${suffix}'
  keyVault: resourceNames.?keyVault ?? 'kv-${suffix}'
  applicationInsights: resourceNames.?applicationInsights ?? 'appi-${suffix}'
  logAnalytics: resourceNames.?logAnalytics ?? 'log-${suffix}'
  scheduler: resourceNames.?scheduler ?? 'dts-${suffix}'
  logicApp: resourceNames.?logicApp ?? 'logic-${suffix}'
  network: resourceNames.?network ?? 'vnet-${suffix}'
}
// the name is enough to know it, so that the Logic App can be there before the app that lets it in
var appUrl = 'https://${names.functionApp}.azurewebsites.net'
var withEntra = !empty(entraClientId)
var withScheduler = durableBackend == 'scheduler'
var ownNetwork = privateNetwork && empty(appSubnetId)
var tags = union(resourceTags, { 'azd-env-name': environmentName })
var defaultWorkspace = furtherSettings.?DEFAULT_WORKSPACE ?? ''
var retentionDays = int(furtherSettings.?HISTORY_RETENTION_DAYS ?? '30')

// a wish that cannot be carried out is refused; all of them at once, before anything is deployed
var workspaceNames = empty(databricksWorkspaces) ? ['default'] : objectKeys(databricksWorkspaces)
var setHere = ['CANCEL_QUEUE_NAME', 'DATABRICKS_HOST', 'DATABRICKS_WORKSPACES', 'HTTP_AUTH_LEVEL', 'KEY_VAULT_URI']
var callers = length(allowedCallers) + (logicApp ? 1 : 0) + (monitorAlerts ? 1 : 0)
var wishes = [
  {
    refused: empty(databricksHost) && empty(databricksWorkspaces)
    because: 'databricksHost or databricksWorkspaces has to name a workspace.'
  }
  {
    refused: !empty(intersection(objectKeys(furtherSettings), setHere))
    because: 'furtherSettings cannot set what other parameters set: ${join(setHere, ', ')}.'
  }
  {
    refused: !withEntra && (logicApp || monitorAlerts || !empty(allowedCallers))
    because: 'logicApp, monitorAlerts and allowedCallers need entraClientId.'
  }
  {
    refused: callers > 13
    because: 'More than 13 callers, the Logic App and the action group among them, are more than the sign-in takes.'
  }
  {
    refused: monitorAlerts && (empty(entraObjectId) || empty(actionGroupPrincipalId))
    because: 'monitorAlerts needs entraObjectId and actionGroupPrincipalId.'
  }
  {
    refused: !empty(databricksLogsId) && (!monitorAlerts || empty(databricksResourceId))
    because: 'databricksLogsId needs monitorAlerts, and databricksResourceId: others may write to the same logs.'
  }
  {
    refused: !empty(databricksLogsId) && empty(alertWorkspace) && length(workspaceNames) > 1 && empty(defaultWorkspace)
    because: 'databricksLogsId needs alertWorkspace: there are several workspaces and no DEFAULT_WORKSPACE.'
  }
  {
    refused: !empty(alertWorkspace) && !contains(workspaceNames, alertWorkspace)
    because: 'alertWorkspace has to be one of these: ${join(workspaceNames, ', ')}.'
  }
  {
    refused: zoneRedundant && !contains(storageSku, 'ZRS')
    because: 'zoneRedundant needs storageSku Standard_ZRS or Standard_GZRS.'
  }
  {
    refused: withScheduler && retentionDays > 90
    because: 'The scheduler keeps what has ended for 90 days at most: lower HISTORY_RETENTION_DAYS.'
  }
  {
    refused: empty(appSubnetId) != empty(endpointSubnetId)
    because: 'appSubnetId and endpointSubnetId go together.'
  }
  {
    refused: !privateNetwork && (!empty(appSubnetId) || !empty(privateDnsZones) || inbound == 'private')
    because: 'appSubnetId, privateDnsZones and inbound private need privateNetwork.'
  }
  {
    refused: inbound == 'private' && (logicApp || monitorAlerts || !empty(allowedSources))
    because: 'With inbound private nobody comes from the internet: no logicApp, monitorAlerts or allowedSources.'
  }
]
var refusals = map(filter(wishes, wish => wish.refused), wish => wish.because)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: empty(refusals) ? resourceGroupName : fail('This cannot be deployed. ${join(refusals, ' ')}')
  location: location
  tags: tags
}

module monitoring 'monitoring.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.applicationInsights
    logsName: names.logAnalytics
    existingLogsId: logAnalyticsId
  }
}

module storage 'storage.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.storageAccount
    sku: storageSku
    queueName: queueName
    closed: privateNetwork
    logsId: monitoring.outputs.logsId
    allLogs: allLogs
    locked: locked
  }
}

module vault 'vault.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.keyVault
    logsId: monitoring.outputs.logsId
    closed: privateNetwork
    locked: locked
  }
}

module scheduler 'scheduler.bicep' = if (withScheduler) {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.scheduler
    retentionDays: retentionDays
  }
}

module network 'network.bicep' = if (ownNetwork) {
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    name: names.network
    addresses: networkAddresses
  }
}

var services = privateNetwork
  ? [
      {
        name: 'blob'
        zone: 'privatelink.blob.${environment().suffixes.storage}'
        zoneId: privateDnsZones.?blob ?? ''
      }
      {
        name: 'queue'
        zone: 'privatelink.queue.${environment().suffixes.storage}'
        zoneId: privateDnsZones.?queue ?? ''
      }
      {
        name: 'table'
        zone: 'privatelink.table.${environment().suffixes.storage}'
        zoneId: privateDnsZones.?table ?? ''
      }
      {
        name: 'vault'
        zone: 'privatelink.vaultcore.azure.net'
        zoneId: privateDnsZones.?vault ?? ''
      }
    ]
  : []

module endpoints 'endpoint.bicep' = [
  for service in services: {
    scope: group
    params: {
      location: location
      tags: tags
      suffix: suffix
      service: service.name
      resourceId: service.name == 'vault' ? vault.outputs.id : storage.outputs.id
      subnetId: ownNetwork ? network!.outputs.endpointSubnetId : endpointSubnetId
      zoneName: service.zone
      zoneId: service.zoneId
      ownNetwork: ownNetwork
      networkId: ownNetwork ? network!.outputs.id : ''
    }
  }
]

module identity 'identity.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.identity
    storageName: names.storageAccount
    vaultName: names.keyVault
    insightsName: names.applicationInsights
    schedulerName: names.scheduler
    withScheduler: withScheduler
    principalId: principalId
  }
  dependsOn: [storage, vault, monitoring, scheduler]
}

module workflow 'logic-app.bicep' = if (logicApp) {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.logicApp
    appUrl: appUrl
    audience: entraAudience
    logsId: monitoring.outputs.logsId
    allLogs: allLogs
  }
}

module app 'app.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    name: names.functionApp
    planName: names.plan
    zoneRedundant: zoneRedundant
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    alwaysReadyInstances: alwaysReadyInstances
    alwaysReadyHttpInstances: alwaysReadyHttpInstances
    storageName: names.storageAccount
    deploymentContainer: storage.outputs.deploymentContainer
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    insightsName: names.applicationInsights
    schedulerEndpoint: withScheduler ? scheduler!.outputs.endpoint : ''
    schedulerHub: withScheduler ? scheduler!.outputs.hub : ''
    subnetId: ownNetwork ? network!.outputs.appSubnetId : appSubnetId
    closed: inbound == 'private'
    allowedSources: allowedSources
    vaultUri: vault.outputs.uri
    queueName: queueName
    databricksHost: databricksHost
    databricksWorkspaces: databricksWorkspaces
    furtherSettings: furtherSettings
    drained: drained
    entraClientId: entraClientId
    entraAudience: entraAudience
    entraTokenVersion: entraTokenVersion
    allowedCallers: concat(
      allowedCallers,
      logicApp ? [workflow!.outputs.principalId] : [],
      monitorAlerts ? [actionGroupPrincipalId] : []
    )
    logsId: monitoring.outputs.logsId
    allLogs: allLogs
  }
  // by their private names: the app could not begin without its storage
  dependsOn: [endpoints]
}

module door 'endpoint.bicep' = if (inbound == 'private') {
  scope: group
  params: {
    location: location
    tags: tags
    suffix: suffix
    service: 'sites'
    resourceId: app.outputs.id
    subnetId: ownNetwork ? network!.outputs.endpointSubnetId : endpointSubnetId
    zoneName: 'privatelink.azurewebsites.net'
    zoneId: privateDnsZones.?sites ?? ''
    ownNetwork: ownNetwork
    networkId: ownNetwork ? network!.outputs.id : ''
  }
}

module alerts 'alerts.bicep' = if (monitorAlerts) {
  scope: group
  params: {
    location: location
    tags: tags
    appUrl: app.outputs.url
    audience: entraAudience
    entraObjectId: entraObjectId
    databricksLogsId: databricksLogsId
    databricksResourceId: databricksResourceId
    workspace: alertWorkspace
  }
}

module operators 'operators.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    appUrl: appUrl
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
output OUTBOUND_IP string = ownNetwork ? network!.outputs.outboundIp : ''
