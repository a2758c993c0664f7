"""How large an alert may be; apart from what reads alerts, which is imported by the first of them."""

ALERT_LIMIT = 256 * 1024  # bytes: the most that Azure Monitor sends
