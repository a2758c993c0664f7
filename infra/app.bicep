metadata description = 'The function app: a Flex Consumption plan, the app, its settings, and Entra in front of it where that is asked for.'

import { callersType, settingsType, sourcesType, tagsType, workspacesType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. Name of the function app.')
param name string

@description('Required. Name of its plan.')
param planName string

@description('Required. Whether its instances are spread over the zones of the region.')
param zoneRedundant bool

@description('Required. Memory of one instance in MB.')
param instanceMemoryMB int

@description('Required. Most instances that may run at once.')
param maximumInstanceCount int

@description('Required. Instances that always run for the orchestrations.')
param alwaysReadyInstances int

@description('Required. Instances that always run for the HTTP endpoints.')
param alwaysReadyHttpInstances int

@description('Required. Name of the storage account.')
param storageName string

@description('Required. Name of the container that deployments are put into.')
param deploymentContainer string

@description('Required. Resource id of the identity of the app.')
param identityId string

@description('Required. Client id of the identity of the app.')
param identityClientId string

@description('Required. Name of Application Insights.')
param insightsName string

@description('Required. Where the Durable Task Scheduler answers; empty where orchestrations are kept in the storage account.')
param schedulerEndpoint string

@description('Required. Name of the task hub in the Durable Task Scheduler; empty where there is none.')
param schedulerHub string

@description('Required. Resource id of the subnet that the app goes out through; empty for none.')
param subnetId string

@description('Required. Whether its endpoints are closed to the internet.')
param closed bool

@description('Required. Service tags and ranges of addresses that alone reach its endpoints from there; empty for all.')
param allowedSources sourcesType

@description('Required. URL of the vault that holds the Databricks token.')
param vaultUri string

@description('Required. Name of the queue of alerts.')
param queueName string

@description('Required. URL of the workspace; empty where databricksWorkspaces names several.')
param databricksHost string

@description('Required. Several workspaces by name; empty where databricksHost names the only one.')
param databricksWorkspaces workspacesType

@description('Required. Further settings of the app by their name.')
param furtherSettings settingsType

@description('Required. Whether it begins no cancellation.')
param drained bool

@description('Required. Client id of the Entra app registration; empty where function keys are asked for.')
param entraClientId string

@description('Required. The audience that a caller asks a token for.')
param entraAudience string

@description('Required. Version of the tokens that the registration asks for.')
param entraTokenVersion int

@description('Required. Object ids of the principals that may call.')
param allowedCallers callersType

@description('Required. Resource id of the Log Analytics workspace for its logs.')
param logsId string

@description('Required. Whether what the platform says of it is logged there.')
param allLogs bool

var withEntra = !empty(entraClientId)

resource storage 'Microsoft.Storage/storageAccounts@2025-08-01' existing = {
  name: storageName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    publicNetworkAccess: closed ? 'Disabled' : 'Enabled'
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      http20Enabled: true
      ftpsState: 'Disabled'
      // deployments come by another door, which takes Entra tokens alone
      ipSecurityRestrictionsDefaultAction: empty(allowedSources) ? 'Allow' : 'Deny'
      ipSecurityRestrictions: [
        for (source, index) in allowedSources: {
          name: take(source, 32)
          priority: 100 + index
          action: 'Allow'
          tag: contains(source, '/') ? 'Default' : 'ServiceTag'
          ipAddress: source
        }
      ]
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${storage.properties.primaryEndpoints.blob}${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'python'
        version: '3.12'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
        alwaysReady: concat(
          alwaysReadyInstances == 0 ? [] : [{ name: 'durable', instanceCount: alwaysReadyInstances }],
          alwaysReadyHttpInstances == 0 ? [] : [{ name: 'http', instanceCount: alwaysReadyHttpInstances }]
        )
        // an HTTP trigger only starts or looks; without a number Python apps get one request at a time on an instance
        triggers: { http: { perInstanceConcurrency: 16 } }
      }
    }
  }
}

resource ftp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
}

resource scm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
}

// stands before the settings that open the endpoints to whoever comes through it, and is not taken away with them
resource signIn 'Microsoft.Web/sites/config@2025-03-01' = if (withEntra) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'Return401'
    }
    httpSettings: { requireHttps: true }
    login: { tokenStore: { enabled: false } }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: entraClientId
          // a registration that does not ask for version 2 gets tokens of version 1, which have another issuer
          openIdIssuer: entraTokenVersion == 2
            ? '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
            : 'https://sts.windows.net/${tenant().tenantId}/'
        }
        validation: {
          allowedAudiences: [entraAudience, entraClientId]
          defaultAuthorizationPolicy: {
            // an empty list would let in everybody who gets a token: nobody has the id of zeros
            allowedPrincipals: {
              identities: empty(allowedCallers) ? ['00000000-0000-0000-0000-000000000000'] : allowedCallers
            }
          }
        }
      }
    }
  }
}

var workspaceSettings = empty(databricksWorkspaces)
  ? { DATABRICKS_HOST: databricksHost }
  : { DATABRICKS_WORKSPACES: string(databricksWorkspaces) }

var schedulerSettings = empty(schedulerEndpoint)
  ? {}
  : {
      DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${schedulerEndpoint};TaskHub=${schedulerHub};Authentication=ManagedIdentity;ClientID=${identityClientId}'
    }

// the functions that begin cancellations, and none that lets them end
var drainSettings = drained
  ? {
      'AzureWebJobs.startFromHttp.Disabled': 'true'
      'AzureWebJobs.startFromQueue.Disabled': 'true'
      'AzureWebJobs.startJobFromHttp.Disabled': 'true'
    }
  : {}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'appsettings'
  dependsOn: [signIn]
  properties: union(furtherSettings, workspaceSettings, schedulerSettings, drainSettings, {
    // of the host: everything by identity
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: storage.properties.primaryEndpoints.blob
    AzureWebJobsStorage__queueServiceUri: storage.properties.primaryEndpoints.queue
    AzureWebJobsStorage__tableServiceUri: storage.properties.primaryEndpoints.table
    APPLICATIONINSIGHTS_CONNECTION_STRING: insights.properties.ConnectionString
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    // of the host: no body that the app would refuse costs memory; the largest alert of Azure Monitor has 256 KiB
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '1048576'
    // of the Python worker: threads for all the activities and orchestrators that host.json admits at once
    PYTHON_THREADPOOL_THREAD_COUNT: '32'
    // of Azure's identity client: this identity, without asking others first
    AZURE_CLIENT_ID: identityClientId
    AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential'
    // of the app
    KEY_VAULT_URI: vaultUri
    CANCEL_QUEUE_NAME: queueName
    HTTP_AUTH_LEVEL: withEntra ? 'anonymous' : 'function'
  })
}

resource platform 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = if (allLogs) {
  scope: app
  name: 'platform'
  properties: {
    workspaceId: logsId
    logs: [{ categoryGroup: 'allLogs', enabled: true }]
  }
}

@description('Resource id of the function app.')
output id string = app.id

@description('Name of the function app.')
output name string = app.name

@description('URL of the function app.')
output url string = 'https://${app.properties.defaultHostName}'
