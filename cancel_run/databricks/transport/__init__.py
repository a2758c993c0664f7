"""HTTP that ends when it says: one deadline for a whole call, no cookies, no redirects."""
