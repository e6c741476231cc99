//! The conditions of a simulated run: those of the link, of a device under test on it, and of the
//! hosts at its ends.

mod dut;

use dpdkgen_core::time::Span;
use dpdkgen_run::failure::Failure;
use serde_json::{Value, json};

pub use self::dut::{DutConditions, SecondCapacity, Warmup};

/// The most intervals that an lcore may be away for.
const LONGEST_STALL: u64 = 1 << 16;

/// Loss in bursts: a link that is good or bad, and changes from packet to packet (Gilbert, 1960;
/// Elliott, 1963). The parameters are those of netem's `gemodel`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GilbertElliott {
    /// The probability of a change from good to bad, for each packet.
    pub to_bad: f64,
    /// The probability of a change from bad to good, for each packet.
    pub to_good: f64,
    /// The share of packets lost while the link is bad.
    pub bad_loss: f64,
    /// The share of packets lost while the link is good.
    pub good_loss: f64,
}

/// The impairments of the link, drawn for each packet by itself and the same both ways.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkConditions {
    /// The least time that a packet takes.
    pub delay: Span,
    /// The most that is added to it, uniformly distributed; packets overtake each other by it.
    pub jitter: Span,
    /// The scale of the heavy-tailed time that is added too; 0 adds none. See
    /// [`tail`](crate::rng::Rng::tail).
    pub tail: Span,
    /// The capacity in bits of frames per second (FCS and padding included); `None` is no limit.
    pub bandwidth: Option<u64>,
    /// The share of packets lost, each by itself.
    pub loss: f64,
    /// The loss in bursts, if there is any.
    pub burst_loss: Option<GilbertElliott>,
    /// The share of packets that arrive twice.
    pub duplication: f64,
    /// The share of packets held back, so that later ones overtake them.
    pub reordering: f64,
    /// The time for which they are held back.
    pub held_back: Span,
    /// The share of packets of which a byte changes, anywhere in the frame.
    pub corruption: f64,
    /// The share of packets that are cut off somewhere.
    pub truncation: f64,
    /// The share of packets with bytes added after the IP packet.
    pub padding: f64,
    /// The share of packets whose checksum is left to a NIC: it covers the pseudo-header only.
    pub partial: f64,
    /// The share of packets beside which a packet of somebody else's arrives.
    pub foreign: f64,
    /// The share of packets that arrive on a queue drawn at random, and not on that of their flow.
    pub stray: f64,
}

/// The conditions at the hosts at both ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostConditions {
    /// The number of queue pairs of the reflector; 0 if there is none, since the link forwards.
    pub reflector_queues: u16,
    /// The most time from an empty poll of an lcore to its next.
    pub poll: Span,
    /// The share of polls at which an lcore is taken away from its workers.
    pub stalls: f64,
    /// The most time that it is away then.
    pub stall: Span,
    /// The most by which the clocks of two lcores differ: each is ahead by a random part of it, and
    /// steps forward up to it.
    pub clock_error: Span,
    /// The share of transmit bursts of which the device takes only some.
    pub refusal: f64,
    /// The share of transmit bursts, and of received packets, for which buffers run out.
    pub no_buffer: f64,
    /// The mean time from a start of the reflector to its death; 0 if it never dies.
    pub restart_every: Span,
    /// The time from its death to its next start.
    pub restart_for: Span,
    /// The number of lcores at each end; 0 is one for every worker.
    pub lcores: u16,
}

/// All that a simulated run is made of, beside the request.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The conditions of the link.
    pub link: LinkConditions,
    /// The device under test on the way to the reflector, if there is one.
    pub dut: Option<DutConditions>,
    /// The conditions of the hosts.
    pub hosts: HostConditions,
    /// The seed of all that is random.
    pub seed: u64,
}

impl Conditions {
    /// Returns the conditions by name, as they stand in the JSON summary; names of times end in
    /// `_ns`.
    #[must_use]
    pub fn config(&self) -> Value {
        let (link, hosts) = (&self.link, &self.hosts);
        let burst_loss = link.burst_loss.map(|of| {
            json!({
                "to_bad": of.to_bad, "to_good": of.to_good,
                "bad_loss": of.bad_loss, "good_loss": of.good_loss,
            })
        });
        let has_reflector = hosts.reflector_queues > 0;
        json!({
            "delay_ns": [link.delay.as_nanos(), (link.delay + link.jitter).as_nanos()],
            "delay_tail_ns": link.tail.as_nanos(),
            "bandwidth_bps": link.bandwidth,
            "loss": link.loss,
            "gemodel": burst_loss,
            "dup": link.duplication,
            "reorder": link.reordering,
            "reorder_by_ns": link.held_back.as_nanos(),
            "corrupt": link.corruption,
            "truncate": link.truncation,
            "pad": link.padding,
            "partial": link.partial,
            "foreign": link.foreign,
            "stray": link.stray,
            "dut": self.dut.map(|dut| dut.config()),
            "reflector_queues": has_reflector.then_some(hosts.reflector_queues),
            "reflector_restart_ns": has_reflector
                .then_some([hosts.restart_every.as_nanos(), hosts.restart_for.as_nanos()]),
            "poll_ns": hosts.poll.as_nanos(),
            "stall": hosts.stalls,
            "stall_for_ns": hosts.stall.as_nanos(),
            "clock_error_ns": hosts.clock_error.as_nanos(),
            "refuse": hosts.refusal,
            "no_buffer": hosts.no_buffer,
            "lcores": hosts.lcores,
            "sim_seed": self.seed,
        })
    }

    /// Checks that this can be simulated with rows of `interval`.
    ///
    /// # Errors
    ///
    /// If it cannot; the sentence names the option.
    pub fn check(&self, interval: Span) -> Result<(), Failure> {
        self.dut.map_or(Ok(()), |dut| dut.check())?;
        let hosts = &self.hosts;
        let refuse = |sentence: String| Err(Failure::request(sentence));
        let never = "nothing would ever be sent";
        if hosts.poll == Span::ZERO {
            return refuse("--poll must be more than 0: time passes from poll to poll".to_owned());
        }
        for (option, share) in [
            ("--no-buffer", hosts.no_buffer),
            ("--refuse", hosts.refusal),
        ] {
            if share >= 1.0 {
                return refuse(format!("{option} must be less than 100 %: {never}"));
            }
        }
        // A worker waits for the control thread when it was away for longer than its ring of
        // intervals is long, and here that would be for ever.
        let longest = Span::from_secs(1).min(Span::from_nanos(
            interval.as_nanos().saturating_mul(LONGEST_STALL),
        ));
        for (option, time) in [
            ("--poll", hosts.poll),
            ("--stall-for", hosts.stall),
            ("--clock-error", hosts.clock_error),
        ] {
            if time > longest {
                return refuse(format!(
                    "{option} is longer than {} us: at most a second, and {LONGEST_STALL} times \
                     --stats-interval-ms, can be simulated",
                    longest.as_nanos() / 1000
                ));
            }
        }
        if hosts.restart_every > Span::ZERO && hosts.restart_for >= hosts.restart_every {
            return refuse(
                "--reflector-restart EVERY:FOR: FOR must be less than EVERY, or the reflector \
                 would never be there"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
