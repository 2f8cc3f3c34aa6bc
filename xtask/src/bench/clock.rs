//! Timing a step as the peers' scripts do, and how far other processes disturbed it.

use std::fs;
use std::time::Instant;

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

impl Timing {
    /// Of the seconds of each round; `None` without rounds.
    pub(super) fn of(mut rounds: Vec<f64>, other_cores: Option<f64>) -> Option<Timing> {
        rounds.sort_by(f64::total_cmp);
        let (&min, &max) = (rounds.first()?, rounds.last()?);
        Some(Timing { median: rounds[rounds.len() / 2], min, max, other_cores })
    }
}

/// Times steps that somebody else makes: some to warm up, one more to see how many fill a round, then the rounds.
#[derive(Debug)]
pub(super) struct Clock {
    rounds: usize,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// So many steps until the clock starts.
    WarmUp(usize),
    /// The step that tells how many fill a round, and when it began.
    Sample(Instant),
    Rounds(Rounds),
}

#[derive(Debug)]
struct Rounds {
    /// Steps in a round, and those that are still to come in this one.
    steps: usize,
    left: usize,
    since: Instant,
    neighbours: Neighbours,
    /// Seconds per step of the rounds that are over.
    seconds: Vec<f64>,
}

impl Clock {
    /// A clock that leaves out `warm_up` steps, at least one.
    pub(super) fn new(warm_up: usize, rounds: usize) -> Clock {
        Clock { rounds, phase: Phase::WarmUp(warm_up.max(1)) }
    }

    /// A step is done; `true` when no more are needed.
    pub(super) fn tick(&mut self) -> bool {
        match &mut self.phase {
            Phase::WarmUp(1) => self.phase = Phase::Sample(Instant::now()),
            Phase::WarmUp(left) => *left -= 1,
            Phase::Sample(since) => {
                let steps = (ROUND / since.elapsed().as_secs_f64().max(1e-6)).round().max(1.0) as usize;
                let neighbours = Neighbours::watch();
                let seconds = Vec::with_capacity(self.rounds);
                self.phase =
                    Phase::Rounds(Rounds { steps, left: steps, since: Instant::now(), neighbours, seconds });
            }
            Phase::Rounds(rounds) => {
                rounds.left -= 1;
                if rounds.left == 0 {
                    rounds.seconds.push(rounds.since.elapsed().as_secs_f64() / rounds.steps as f64);
                    (rounds.left, rounds.since) = (rounds.steps, Instant::now());
                }
            }
        }
        matches!(&self.phase, Phase::Rounds(rounds) if rounds.seconds.len() == self.rounds)
    }

    /// What it has seen; `None` when the steps ended before the first round did.
    pub(super) fn timing(self) -> Option<Timing> {
        let Phase::Rounds(rounds) = self.phase else { return None };
        let other_cores = rounds.neighbours.busy();
        Timing::of(rounds.seconds, other_cores)
    }
}

/// What other processes do from now on.
#[derive(Debug)]
pub(super) struct Neighbours {
    since: Instant,
    before: Option<Busy>,
}

impl Neighbours {
    pub(super) fn watch() -> Neighbours {
        Neighbours { since: Instant::now(), before: Busy::now() }
    }

    /// Cores that others have kept busy, on average; `None` where the system does not tell.
    pub(super) fn busy(&self) -> Option<f64> {
        let (before, after) = self.before.zip(Busy::now())?;
        let others = (after.machine - before.machine) - (after.own - before.own);
        Some(others.max(0.0) / self.since.elapsed().as_secs_f64())
    }
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

/// User and system time of a process and of its children that have ended, from `/proc/self/stat`, words 14 to 17. The
/// second word, the program's name in brackets, may hold anything.
fn own_seconds(stat: &str) -> Option<f64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let words = behind_name.split_whitespace().skip(11).take(4);
    let ticks: Vec<f64> = words.map_while(|word| word.parse().ok()).collect();
    (ticks.len() == 4).then(|| ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
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
        let own = "77 (a ) b) R 1 77 77 0 -1 4194304 100 0 0 0 250 50 9 1 20 0 1 0 5 6";
        assert_eq!(own_seconds(own), Some(3.1));
        assert_eq!(own_seconds("77 (a"), None);
        assert_eq!(own_seconds("77 (a) R 1 2"), None);
    }

    #[test]
    fn a_clock_leaves_out_the_first_steps_and_ends_with_the_last_round() {
        let mut clock = Clock::new(3, 2);
        let mut steps = 1;
        while !clock.tick() {
            steps += 1;
            // A sample of 0.1 s makes rounds of six steps; a slow machine makes them shorter.
            let is_sample = matches!(clock.phase, Phase::Sample(_));
            std::thread::sleep(std::time::Duration::from_millis(if is_sample { 100 } else { 1 }));
        }
        let Phase::Rounds(rounds) = &clock.phase else { panic!("{clock:?}") };
        assert_eq!(steps, 3 + 1 + 2 * rounds.steps);
        assert!((1..=6).contains(&rounds.steps));
        let timing = clock.timing().unwrap();
        assert!(
            0.001 <= timing.min && timing.min <= timing.median && timing.median <= timing.max,
            "{timing:?}"
        );
    }

    #[test]
    fn without_a_round_there_is_no_timing() {
        let mut clock = Clock::new(1, 2);
        assert!(!clock.tick() && !clock.tick());
        assert_eq!(clock.timing(), None);
        assert_eq!(
            Timing::of(vec![3.0, 1.0, 2.0], None).map(|t| (t.min, t.median, t.max)),
            Some((1.0, 2.0, 3.0))
        );
    }
}
