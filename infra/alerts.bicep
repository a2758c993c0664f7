metadata description = 'Azure Monitor alerts that cancel: an action group that calls POST /api/alerts, and a sample rule.'

import { tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. URL of the function app.')
param appUrl string

@description('Required. The audience that the action group asks a token for.')
param audience string

@description('Required. Object id of the Entra app registration in front of the app.')
param entraObjectId string

@description('Required. Resource id of the Log Analytics workspace with the diagnostic logs of Databricks jobs; empty for no sample rule.')
param databricksLogsId string

@description('Required. Resource id of the Databricks workspace whose runs the sample rule cancels.')
param databricksResourceId string

@description('Required. What the settings call that workspace; empty for the default one.')
param workspace string

resource canceling 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-cancel-active-run'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'cancel-run'
    enabled: true
    webhookReceivers: [
      {
        name: 'alerts'
        serviceUri: '${appUrl}/api/alerts'
        useCommonAlertSchema: true
        useAadAuth: true
        objectId: entraObjectId
        identifierUri: audience
        tenantId: tenant().tenantId
      }
    ]
  }
}

resource tooLong 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = if (!empty(databricksLogsId)) {
  name: 'run-is-too-long'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'A run is taking too long'
    description: 'A sample: every job run of one workspace that began two hours ago and has not ended is canceled.'
    enabled: true
    severity: 3
    scopes: [databricksLogsId]
    evaluationFrequency: 'PT15M'
    windowSize: 'P1D'
    autoMitigate: true
    // the table is not there before Databricks has sent its first log
    skipQueryValidation: true
    criteria: {
      allOf: [
        {
          query: replace(loadTextContent('queries/run-is-too-long.kql'), 'DATABRICKS_RESOURCE_ID', databricksResourceId)
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          // a run is a row of its own in the alert: this is what the app cancels
          dimensions: [
            {
              name: 'runId'
              operator: 'Include'
              values: ['*']
            }
          ]
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [canceling.id]
      customProperties: empty(workspace) ? {} : { workspace: workspace }
    }
  }
}
