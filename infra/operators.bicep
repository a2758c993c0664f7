metadata description = 'What an operator sees: alert rules for what went wrong, and a workbook of how it goes.'

import { emailsType, tagsType } from 'types.bicep'

@description('Required. Azure region.')
param location string

@description('Required. Tags of every resource.')
param tags tagsType

@description('Required. Resource id of Application Insights.')
param insightsId string

@description('Required. URL of the function app, whose pages the rules link to.')
param appUrl string

@description('Required. E-mail addresses that the rules write to; with none the alerts are seen in the portal only.')
param emails emailsType

var outcomes = loadTextContent('queries/outcomes.kql')

// most look each five minutes at the last fifteen: a log line may come late, and fires once all the same
var rules = [
  {
    name: 'timed-out'
    title: 'A run has not stopped in time'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: '${outcomes}${loadTextContent('queries/timed-out.kql')}'
    dimensions: ['workspace', 'runId', 'page']
  }
  {
    name: 'rejected'
    title: 'A cancellation was refused'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: '${outcomes}${loadTextContent('queries/rejected.kql')}'
    dimensions: ['workspace', 'errorCode']
  }
  {
    name: 'blocked'
    title: 'A cancellation waits until its token or permission is mended'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('queries/blocked.kql')
    dimensions: ['workspace', 'errorCode']
  }
  {
    name: 'expired'
    title: 'An order lay too long and was not carried out'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: '${outcomes}${loadTextContent('queries/expired.kql')}'
    dimensions: ['workspace', 'runId', 'page']
  }
  {
    name: 'job-not-stopped'
    title: 'A job may still have active runs that were to be canceled'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('queries/job-not-stopped.kql')
    dimensions: ['workspace', 'jobId']
  }
  {
    name: 'instance-failed'
    title: 'An orchestration instance failed: nobody watches its run'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('queries/instance-failed.kql')
    dimensions: ['instanceId', 'page']
  }
  {
    name: 'poison-message'
    title: 'An alert could not be taken and is in the poison queue'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('queries/poison-message.kql')
    dimensions: []
  }
  {
    name: 'token-expires'
    title: 'The token of a workspace expires within two weeks'
    severity: 2
    every: 'PT1H'
    window: 'P1D'
    query: loadTextContent('queries/token-expires.kql')
    dimensions: ['workspace']
  }
  {
    name: 'request-failed'
    title: 'A request failed, or an alert was refused at the webhook'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('queries/request-failed.kql')
    dimensions: ['functionName', 'statusCode']
  }
  {
    name: 'queue-not-read'
    title: 'Alerts wait in the queue and nothing takes them'
    severity: 1
    every: 'PT15M'
    window: 'PT1H'
    query: loadTextContent('queries/queue-not-read.kql')
    dimensions: []
  }
  {
    name: 'no-heartbeat'
    title: 'The nightly timer has not run for a day: the app may be dead'
    severity: 1
    every: 'PT1H'
    window: 'P2D'
    query: loadTextContent('queries/no-heartbeat.kql')
    dimensions: []
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-operators'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'operators'
    enabled: true
    emailReceivers: [
      for email in emails: {
        name: email
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alertRules 'Microsoft.Insights/scheduledQueryRules@2026-03-01' = [
  for rule in rules: {
    name: rule.name
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      // no key in it: a mail is kept and passed on
      description: 'See ${appUrl}/api/cancel-active-run, and docs/operations.md of databricks-cancel-run.'
      enabled: true
      severity: rule.severity
      scopes: [insightsId]
      evaluationFrequency: rule.every
      windowSize: rule.window
      autoMitigate: true
      // the tables are seconds old when the rules come, and may not be known yet
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: replace(rule.query, 'APP_URL', appUrl)
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [
              for dimension in rule.dimensions: {
                name: dimension
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
      actions: { actionGroups: [people.id] }
    }
  }
]

var charts = [
  {
    title: 'Cancellations over time, by outcome'
    query: '${outcomes}${loadTextContent('queries/over-time.kql')}'
    visualization: 'barchart'
  }
  {
    title: 'Outcomes, by workspace'
    query: '${outcomes}${loadTextContent('queries/by-workspace.kql')}'
    visualization: 'table'
  }
  {
    title: 'Seconds until half of the runs had stopped, and 95 of 100, by workspace'
    query: '${outcomes}${loadTextContent('queries/seconds-to-stop.kql')}'
    visualization: 'timechart'
  }
  {
    title: 'Retries and throttled calls, by workspace'
    query: '${outcomes}${loadTextContent('queries/retries.kql')}'
    visualization: 'timechart'
  }
  {
    title: 'Runs that have not stopped'
    query: '${outcomes}${loadTextContent('queries/not-stopped.kql')}'
    visualization: 'table'
  }
  {
    title: 'Rehearsals, and what each would have done'
    query: '${outcomes}${loadTextContent('queries/rehearsals.kql')}'
    visualization: 'table'
  }
]

var panels = [
  for chart in charts: {
    type: 3
    name: chart.title
    content: {
      version: 'KqlItem/1.0'
      title: chart.title
      query: chart.query
      queryType: 0
      resourceType: 'microsoft.insights/components'
      visualization: chart.visualization
      size: 0
      timeContextFromParameter: 'TimeRange'
    }
  }
]

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'cancellations')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Cancellations of Databricks runs'
    category: 'workbook'
    sourceId: insightsId
    serializedData: string({
      version: 'Notebook/1.0'
      items: concat([loadJsonContent('workbook-time-range.json')], panels)
      '$schema': 'https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json'
    })
  }
}
