title The relay is down for 30 minutes over the end of a hold; the resolve it refused comes again in time
policy hold = "10m";
at 0:00  fire ma5 -> held/hold
at 0:05  crash
at 0:10  resolve ma5 -> refused
at 0:35  up
at 0:35  expect state held
at 0:40  resolve ma5 -> resolved/cancelled      # Grafana sends what was refused once per group_interval
at 1:00  expect posts 0
at 1:00  fire ma5 -> held/hold
at 1:05  crash
at 1:35  up
at 1:41  timer -> dispatch/first                # 6 minutes after the start, and not refused this time
at 1:41  expect posts 1
