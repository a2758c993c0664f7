"""The token that every emulated workspace takes, and the name of the secret that holds it."""

# its base64 and its URL-encoded forms differ from it, in every alphabet and alignment
TOKEN = "dapi-5f1e7ab2c0ffee+/=&~~~~~the-token"
SECRET = "databricks-token"
