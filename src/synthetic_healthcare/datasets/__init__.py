"""Real tables of patients, by name and from folders."""
