"""From the app's uploads, listens and takedowns to clean tables of a day: freeze, probe, reject, commit."""
