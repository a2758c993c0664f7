// Nothing but what has no default.
using '../main.bicep'

param environmentName = 'test'
param location = 'westeurope'
param databricksHost = 'https://adb-1234567890123456.7.azuredatabricks.net'
