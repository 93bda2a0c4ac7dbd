"""What every service needs around its own code: settings, metrics, web."""
