//! Timing a step as the peers' scripts do, and how far other processes disturbed it.

use anyhow::Result;
use std::fs;
use std::time::Instant;

/// Rounds that are timed; their median counts.
const ROUNDS: usize = 7;
/// About how long a round lasts, in seconds.
const ROUND: f64 = 0.6;

/// Seconds per step over several rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Timing {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
    /// Cores that other processes kept busy meanwhile; `None` where the system does not tell.
    pub(super) other_cores: Option<f64>,
}

/// Times `step`: `warm_up` calls, one more to see how many fill a round, then the rounds.
///
/// # Errors
/// The first error of a step.
pub(super) fn measure(warm_up: usize, mut step: impl FnMut() -> Result<()>) -> Result<Timing> {
    for _ in 0..warm_up {
        step()?;
    }
    let start = Instant::now();
    step()?;
    let steps = (ROUND / start.elapsed().as_secs_f64().max(1e-6)).round().max(1.0) as usize;
    let mut rounds = [0.0; ROUNDS];
    let (start, before) = (Instant::now(), Busy::now());
    for round in &mut rounds {
        let start = Instant::now();
        for _ in 0..steps {
            step()?;
        }
        *round = start.elapsed().as_secs_f64() / steps as f64;
    }
    let other_cores = before.zip(Busy::now()).map(|(before, after)| {
        let others = (after.machine - before.machine) - (after.own - before.own);
        others.max(0.0) / start.elapsed().as_secs_f64()
    });
    rounds.sort_by(f64::total_cmp);
    Ok(Timing { median: rounds[ROUNDS / 2], min: rounds[0], max: rounds[ROUNDS - 1], other_cores })
}

/// Seconds of processor time since the start.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Busy {
    machine: f64,
    own: f64,
}

impl Busy {
    fn now() -> Option<Busy> {
        let machine = fs::read_to_string("/proc/stat").ok()?;
        let own = fs::read_to_string("/proc/self/stat").ok()?;
        Some(Busy { machine: machine_seconds(&machine)?, own: own_seconds(&own)? })
    }
}

/// Linux counts in these units towards programs, whatever its own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// All but idle and waiting, from the first line of `/proc/stat`: `cpu user nice system idle iowait irq softirq steal …`.
fn machine_seconds(stat: &str) -> Option<f64> {
    let mut words = stat.lines().next()?.split_whitespace();
    (words.next()? == "cpu").then_some(())?;
    let ticks: Vec<f64> = words.take(8).map_while(|word| word.parse().ok()).collect();
    let idle = ticks.get(3)? + ticks.get(4)?;
    Some((ticks.iter().sum::<f64>() - idle) / TICKS_PER_SECOND)
}

/// User and system time from `/proc/self/stat`, words 14 and 15. The second word, the program's name in brackets, may
/// hold anything.
fn own_seconds(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut words = behind_name.split_whitespace().skip(11).map_while(|word| word.parse::<f64>().ok());
    Some((words.next()? + words.next()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_what_the_kernel_writes() {
        let stat = "cpu  100 20 300 9000 50 1 2 7 900 900\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(machine_seconds(stat), Some(4.3));
        assert_eq!(machine_seconds("intr 1 2 3 4 5 6"), None);
        assert_eq!(machine_seconds("cpu 1 2 3"), None);
        let own = "77 (a ) b) R 1 77 77 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 5 6";
        assert_eq!(own_seconds(own), Some(3.0));
        assert_eq!(own_seconds("77 (a"), None);
        assert_eq!(own_seconds("77 (a) R 1 2"), None);
    }

    #[test]
    fn an_error_in_a_step_ends_the_measurement() {
        let mut left = 5;
        let result = measure(3, || {
            left -= 1;
            anyhow::ensure!(left > 0, "no more");
            Ok(())
        });
        assert_eq!((result.unwrap_err().to_string().as_str(), left), ("no more", 0));
    }
}
