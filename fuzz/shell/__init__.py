"""What the commands of the command line share: options, tables, and what becomes of a checker's findings."""
