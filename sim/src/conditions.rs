//! What the simulated world is like: the link, and the machines at its ends.

use dpdkgen_core::time::Span;
use dpdkgen_run::failure::Failure;
use serde_json::{Value, json};

/// How many intervals an lcore may be away for.
const LONGEST_STALL: u64 = 1 << 16;

/// Loss in bursts: a link that is good or bad, and changes from packet to packet (Gilbert, 1960;
/// Elliott, 1963). The parameters are those of netem's `gemodel`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GilbertElliott {
    /// From good to bad, for each packet.
    pub to_bad: f64,
    /// From bad to good, for each packet.
    pub to_good: f64,
    /// Share lost while bad.
    pub bad_loss: f64,
    /// Share lost while good.
    pub good_loss: f64,
}

/// What a link does to the packets that cross it, each way and each packet by itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkConditions {
    /// The least time that a packet takes.
    pub delay: Span,
    /// The most time that it takes more, any as likely; so packets overtake each other.
    pub jitter: Span,
    /// The scale of a heavy tail of that time.
    pub tail: Span,
    /// Bits of frames per second (FCS and padding included); `None` is no limit.
    pub bandwidth: Option<u64>,
    /// Share of packets that vanish.
    pub loss: f64,
    /// Packets that vanish in bursts.
    pub burst_loss: Option<GilbertElliott>,
    /// Share of packets that arrive twice.
    pub duplication: f64,
    /// Share of packets that are held back, and for how long.
    pub reordering: f64,
    /// How long they are held back.
    pub held_back: Span,
    /// Share of packets of which a byte changes, anywhere in the frame.
    pub corruption: f64,
    /// Share of packets that are cut off somewhere.
    pub truncation: f64,
    /// Share of packets with bytes added after the IP packet.
    pub padding: f64,
    /// Share of packets whose checksum is left to a NIC: it covers the pseudo-header only.
    pub partial: f64,
    /// Share of packets to which a packet of somebody else's is added.
    pub foreign: f64,
    /// Share of packets that arrive on another queue than the rest of their flow.
    pub stray: f64,
}

/// What the machines at the ends do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HostConditions {
    /// Queue pairs of the reflector.
    pub reflector_queues: u16,
    /// Time from an empty poll of an lcore to its next, at most.
    pub poll: Span,
    /// Share of polls after which an lcore is taken away from its workers.
    pub stalls: f64,
    /// For how long, at most.
    pub stall: Span,
    /// By how much lcores' clocks differ, at most; they step forward until they do.
    pub clock_error: Span,
    /// Share of transmit bursts of which the device takes only some.
    pub refusal: f64,
    /// Share of transmit bursts and received packets for which buffers run out.
    pub no_buffer: f64,
    /// The reflector dies this often on average; 0 is never.
    pub restart_every: Span,
    /// It is gone for so long.
    pub restart_for: Span,
    /// Lcores at each end; 0 is one for every worker.
    pub lcores: u16,
}

/// All of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conditions {
    /// The link.
    pub link: LinkConditions,
    /// The machines.
    pub hosts: HostConditions,
    /// The seed of all that is random.
    pub seed: u64,
}

impl Conditions {
    /// The conditions by name, as they stand in the JSON summary; names of times end in `_ns`.
    #[must_use]
    pub fn config(&self) -> Value {
        let (link, hosts) = (&self.link, &self.hosts);
        let burst_loss = link.burst_loss.map(|of| {
            json!({
                "to_bad": of.to_bad, "to_good": of.to_good,
                "bad_loss": of.bad_loss, "good_loss": of.good_loss,
            })
        });
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
            "reflector_queues": hosts.reflector_queues,
            "reflector_restart_ns": [hosts.restart_every.as_nanos(), hosts.restart_for.as_nanos()],
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

    /// Checks that this can be simulated, with statistics of such an interval.
    ///
    /// # Errors
    ///
    /// A sentence that names the option.
    pub fn check(&self, interval: Span) -> Result<(), Failure> {
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
