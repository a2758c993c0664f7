metadata description = 'A Durable Task Scheduler with a task hub: the other place where orchestrations can be kept.'

@description('Required. Azure region; it must offer the Durable Task Scheduler.')
param location string

@description('Required. Tags of every resource.')
param tags object

@description('Required. What makes the names unique.')
param suffix string

resource scheduler 'Microsoft.DurableTask/schedulers@2025-11-01' = {
  name: 'dts-${suffix}'
  location: location
  tags: tags
  properties: {
    // identities are judged, not addresses: an empty list would let nobody in
    ipAllowlist: ['0.0.0.0/0']
    sku: { name: 'Consumption' }
  }
}

// its name is infra/host.scheduler.json's hubName
resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2025-11-01' = {
  parent: scheduler
  name: 'CancelActiveRun'
}

@description('Name of the scheduler.')
output name string = scheduler.name

@description('Where the scheduler answers.')
output endpoint string = scheduler.properties.endpoint

@description('Name of the task hub.')
output hub string = hub.name
