title The threshold is raised and the alert clears; a real breach nine hours later starts a run
policy cooldown = "6h"; settle = "15m";
at 0:00  fire ma5 -> dispatch/first
at 0:10  runs success
at 0:30  resolve ma5 -> resolved/quiet
at 9:30  fire ma5 -> dispatch/first
at 9:30  expect posts 2
