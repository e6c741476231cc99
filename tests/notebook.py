"""What the article's notebook does with the CSV of a run, step by step, on the files named:
CSV PICTURE."""

import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

rows = pd.read_csv(sys.argv[1])
# The last second is that of the drain.
rows = rows[:-1000].copy()
step = (rows["time"][1] - rows["time"][0]) / 1000
rows["time"] = pd.to_timedelta(rows["time"], unit="ms")
rows.set_index("time", inplace=True)
rows["tx_packets"] /= step
rows["rx_packets"] /= step
seconds = rows.resample("1S", origin="start").mean()

figure, (packets, loss, latency) = plt.subplots(3, 1)
seconds["tx_packets"].plot(ax=packets, label="tx")
seconds["rx_packets"].plot(ax=packets, label="rx")
packets.legend()
(seconds["drop_rate"] * 100).plot(ax=loss)
seconds["avg_latency"].plot(ax=latency)
figure.savefig(sys.argv[2])

for second in seconds.itertuples():
    print(second.tx_packets, second.rx_packets, second.drop_rate, second.avg_latency)
