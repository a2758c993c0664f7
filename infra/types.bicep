metadata description = 'The shapes of the parameters that are lists and objects.'

@export()
@description('Tags by their name.')
type tagsType = {
  @description('The value of the tag.')
  *: string
}

@export()
@description('App settings by their name.')
type settingsType = {
  @description('The value of the setting.')
  *: string
}

@export()
@sealed()
@description('A Databricks workspace, as docs/settings.md explains it.')
type workspaceType = {
  @description('Its URL, such as https://adb-1234567890123456.7.azuredatabricks.net.')
  host: string

  @description('Where its token comes from.')
  auth: ('keyVault' | 'managedIdentity' | 'oauth')?

  @description('Name of the secret in the vault.')
  tokenSecret: string?

  @description('With oauth: client id of the service principal.')
  clientId: string?

  @description('With oauth: what the token is to be for.')
  scope: string?

  @description('The number that Azure gave the workspace.')
  workspaceId: string?

  @description('Ids of jobs whose runs are never canceled, as numbers.')
  protectedJobs: int[]?

  @description('Ids of the only jobs whose runs are canceled, as numbers.')
  cancelableJobs: int[]?
}

@export()
@description('Workspaces by the name that requests call them.')
type workspacesType = {
  @description('The workspace of that name.')
  *: workspaceType
}

@minLength(36)
@maxLength(36)
@description('Object id of a principal in Entra.')
type objectIdType = string

@export()
@description('Object ids of principals.')
type callersType = objectIdType[]

@export()
@description('Service tags of Azure, and ranges of addresses such as 203.0.113.0/24.')
type sourcesType = string[]

@export()
@description('E-mail addresses.')
type emailsType = string[]

@export()
@sealed()
@description('Names of resources, each in place of the one that is made from the name of the environment.')
type namesType = {
  @minLength(2)
  @maxLength(60)
  @description('The function app; unique in all of Azure.')
  functionApp: string?

  @description('The plan of the function app.')
  plan: string?

  @description('The identity of the app.')
  identity: string?

  @minLength(3)
  @maxLength(24)
  @description('The storage account: small letters and digits, unique in all of Azure.')
  storageAccount: string?

  @minLength(3)
  @maxLength(24)
  @description('The vault: letters, digits and hyphens, unique in all of Azure.')
  keyVault: string?

  @description('Application Insights.')
  applicationInsights: string?

  @description('The Log Analytics workspace, where logAnalyticsId names none that is there.')
  logAnalytics: string?

  @description('The Durable Task Scheduler.')
  scheduler: string?

  @description('The Logic App.')
  logicApp: string?

  @description('The virtual network, where appSubnetId names none that is there.')
  network: string?
}

@export()
@sealed()
@description('Ranges of addresses of the network that is made.')
type addressesType = {
  @description('Of the network.')
  network: string

  @description('In it, those that the instances of the app go out from: /27 or more.')
  app: string

  @description('In it, those of the private endpoints.')
  endpoints: string
}

@export()
@sealed()
@description('Resource ids of private DNS zones that are there, each by the service that it is for.')
type zonesType = {
  @description('Of blobs.')
  blob: string?

  @description('Of queues.')
  queue: string?

  @description('Of tables.')
  table: string?

  @description('Of vaults.')
  vault: string?

  @description('Of function apps.')
  sites: string?
}
