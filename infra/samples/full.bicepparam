// For a company: its network, its zones, its logs, its names; Entra in front, an alert that cancels, nothing lost with a
// zone. The ids are made up.
using '../main.bicep'

var company = '/subscriptions/00000000-0000-0000-0000-000000000001'
var hub = '${company}/resourceGroups/rg-hub/providers/Microsoft.Network'
var spoke = '${hub}/virtualNetworks/vnet-data'

param environmentName = 'prod'
param location = 'westeurope'
param resourceGroupName = 'rg-data-cancel-prod'
param resourceNames = {
  functionApp: 'func-data-cancel-prod'
  storageAccount: 'stdatacancelprod'
  keyVault: 'kv-data-cancel-prod'
}
param resourceTags = {
  costCenter: '4711'
  owner: 'data-platform'
}
param databricksWorkspaces = {
  prod: {
    host: 'https://adb-1234567890123456.7.azuredatabricks.net'
    auth: 'managedIdentity'
  }
  test: {
    host: 'https://adb-2222222222222222.2.azuredatabricks.net'
    tokenSecret: 'test-token'
  }
}
param furtherSettings = { DEFAULT_WORKSPACE: 'prod' }
param storageSku = 'Standard_ZRS'
param zoneRedundant = true
param alwaysReadyInstances = 2
param alwaysReadyHttpInstances = 2
param privateNetwork = true
param appSubnetId = '${spoke}/subnets/cancel-app'
param endpointSubnetId = '${spoke}/subnets/endpoints'
param privateDnsZones = {
  blob: '${hub}/privateDnsZones/privatelink.blob.core.windows.net'
  queue: '${hub}/privateDnsZones/privatelink.queue.core.windows.net'
  table: '${hub}/privateDnsZones/privatelink.table.core.windows.net'
  vault: '${hub}/privateDnsZones/privatelink.vaultcore.azure.net'
}
param allowedSources = [
  'ActionGroup'
  'LogicApps'
  '203.0.113.0/24'
]
param entraClientId = '00000000-0000-0000-0000-000000000002'
param entraTokenVersion = 2
param allowedCallers = ['00000000-0000-0000-0000-000000000003']
param logicApp = true
param monitorAlerts = true
param entraObjectId = '00000000-0000-0000-0000-000000000004'
param actionGroupPrincipalId = '00000000-0000-0000-0000-000000000005'
param databricksLogsId = '${company}/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/log-data'
param databricksResourceId = '${company}/resourceGroups/rg-data/providers/Microsoft.Databricks/workspaces/dbw-prod'
param alertWorkspace = 'prod'
param operatorEmails = ['data-platform@example.com']
param logAnalyticsId = '${company}/resourceGroups/rg-logs/providers/Microsoft.OperationalInsights/workspaces/log-data'
param allLogs = true
param locked = true
