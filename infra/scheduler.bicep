metadata description = 'A Durable Task Scheduler with a task hub: the other place where orchestrations can be kept.'

import { tagsType } from 'types.bicep'

@description('Required. Azure region; it must offer the Durable Task Scheduler.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. Name of the scheduler.')
param name string

@description('Required. For how many days it keeps what has ended.')
@minValue(1)
@maxValue(90)
param retentionDays int

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // identities are judged, not addresses: an empty list would let nobody in
    ipAllowlist: ['0.0.0.0/0']
    sku: { name: 'Consumption' }
  }
}

// its name is infra/host.scheduler.json's hubName
resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: 'CancelActiveRun'
}

// without one the scheduler forgets after 30 days, whatever the app is told
resource retention 'Microsoft.DurableTask/schedulers/retentionPolicies@2026-02-01' = {
  parent: scheduler
  name: 'default'
  properties: { retentionPolicies: [{ retentionPeriodInDays: retentionDays }] }
}

@description('Where the scheduler answers.')
output endpoint string = scheduler.properties.endpoint

@description('Name of the task hub.')
output hub string = hub.name
