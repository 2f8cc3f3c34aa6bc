//! Ours and the peers in turn on one workload.

use super::PATIENCE;
use super::ours::Ours;
use super::output::Output;
use super::peers::{self, Peer};
use super::places::{Places, Run};
use super::process;
use super::results::Section;
use super::row::{self, Absent, Limit, Row};
use super::sheet::plain;
use super::summary::{OURS, best, summaries};
use super::workload::Workload;
use convnet_report::words;
use std::collections::BTreeSet;
use std::process::Command;

/// How often a disturbed run is made again.
const REPEATS: usize = 2;
/// A peer below this share of the best peer's rate will not be the best in another turn: rounds scatter by a quarter at
/// most on a machine left alone.
const CONTENDS: f64 = 0.6;

/// Why a workload was left.
#[derive(Debug)]
pub(super) enum Error {
    /// Our own run failed.
    Ours(String),
    /// What was found cannot be written.
    Output(anyhow::Error),
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Error {
        Error::Output(error)
    }
}

/// A comparison under way.
pub(super) struct Bench {
    places: Option<Places>,
    turns: usize,
    rounds: usize,
    pub(super) output: Output,
    /// Workloads and peers that need not be asked again.
    beaten: BTreeSet<(&'static str, &'static str)>,
}

impl Bench {
    /// So many turns with the peers at their places, or ours alone.
    pub(super) fn new(places: Option<Places>, turns: usize, rounds: usize, output: Output) -> Bench {
        Bench { places, turns, rounds, output, beaten: BTreeSet::new() }
    }

    /// Ours and each peer in turn, ours first and last, so that a machine that changes shows.
    pub(super) fn workload(&mut self, workload: &Workload, ours: &Ours, limit: &Limit) -> Result<(), Error> {
        let mut found = Section::new(limit.clone());
        let mut commands = self.commands(workload, &mut found)?;
        for turn in 0..self.turns {
            self.ours(workload, ours, &mut found)?;
            let mut left = Vec::new();
            for (place, (peer, mut command)) in commands.into_iter().enumerate() {
                if place > 0 {
                    self.ours(workload, ours, &mut found)?;
                }
                match self.repeated(workload, &mut found, || process::run(&mut command, PATIENCE))? {
                    Ok(()) => left.push((peer, command)),
                    // It is not asked again.
                    Err(reason) => self.missing(&mut found, workload, peer, &reason)?,
                }
            }
            if turn == 0 {
                self.beaten.extend(beaten(&found.rows).into_iter().filter_map(|name| {
                    let peer = left.iter().find(|(peer, _)| peer.name == name)?.0;
                    Some((workload.name, peer.name))
                }));
            }
            left.retain(|(peer, _)| !self.beaten.contains(&(workload.name, peer.name)));
            commands = left;
        }
        if self.places.is_some() {
            self.ours(workload, ours, &mut found)?;
        }
        Ok(self.output.keep(workload.name, found)?)
    }

    fn commands(
        &mut self,
        workload: &Workload,
        found: &mut Section,
    ) -> Result<Vec<(&'static Peer, Command)>, Error> {
        let run = Run { workload: workload.name, threads: found.limit.threads, rounds: self.rounds };
        let mut commands = Vec::new();
        for peer in peers::of(workload.name) {
            let Some(places) = &mut self.places else { break };
            if self.beaten.contains(&(workload.name, peer.name)) {
                continue;
            }
            match places.command(peer, run) {
                Ok(command) => commands.push((peer, command)),
                Err(reason) => self.missing(found, workload, peer, &reason)?,
            }
        }
        Ok(commands)
    }

    fn ours(&mut self, workload: &Workload, ours: &Ours, found: &mut Section) -> Result<(), Error> {
        let run = || ours.run(workload.name).map_err(|error| format!("{error:#}"));
        self.repeated(workload, found, run)?.map_err(Error::Ours)
    }

    /// Makes a run, again while it is disturbed. The inner error says why there is none.
    fn repeated(
        &mut self,
        workload: &Workload,
        found: &mut Section,
        mut run: impl FnMut() -> Result<String, String>,
    ) -> Result<Result<(), String>, Error> {
        for _ in 0..=REPEATS {
            let output = match run() {
                Ok(output) => output,
                Err(reason) => return Ok(Err(reason)),
            };
            let (row, others) = row::find(&output, workload.name);
            let Some(mut row) = row.filter(|row| row.threads == found.limit.threads) else {
                return Ok(Err(format!("it printed no line of a run among {others}")));
            };
            if let Some(operations) = row.operations_per_image.filter(|_| row.peer == OURS) {
                let share = row.images_per_s * operations / (found.limit.gflops * 1e9);
                row.fraction_of_fma_limit = Some((share * 1e3).round() / 1e3);
            }
            self.output.line(&row)?;
            eprintln!("{}", told(&row, others));
            let disturbed = row.disturbed;
            found.rows.push(row);
            if !disturbed {
                break;
            }
        }
        Ok(Ok(()))
    }

    fn missing(
        &self,
        found: &mut Section,
        workload: &Workload,
        peer: &Peer,
        reason: &str,
    ) -> Result<(), Error> {
        let absent = Absent::new(workload.name, peer.name, found.limit.threads, reason);
        eprintln!("{}  {} is absent: {}", absent.workload, absent.peer, plain(&absent.absent));
        self.output.line(&absent)?;
        found.absent.push(absent);
        Ok(())
    }
}

/// The names of peers that another turn would not make the best: the slow ones, and those that compute in shorter numbers.
fn beaten(rows: &[Row]) -> Vec<String> {
    let programs = summaries(rows.iter().filter(|row| row.peer != OURS));
    let fastest = best(programs.iter().filter(|program| program.last.is_f32())).map(|best| best.images_per_s);
    let contends = |rate: f64| fastest.is_none_or(|fastest| rate >= CONTENDS * fastest);
    let is_beaten =
        programs.iter().filter(|program| !(program.last.is_f32() && contends(program.images_per_s)));
    is_beaten.map(|program| program.last.peer.clone()).collect()
}

/// A run in a line for whoever waits.
fn told(row: &Row, others: usize) -> String {
    let (workload, peer, threads) = (&row.workload, plain(&row.peer), row.threads);
    let mut text = format!("{workload}  {threads}  {peer}  {} pictures/s", words::rate(row.images_per_s));
    if let (true, Some(cores)) = (row.disturbed, row.other_cores) {
        text += &format!("  (disturbed: others kept {cores:.2} cores busy)");
    }
    if others > 0 {
        text += &format!("  ({others} other lines ignored)");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::summary::tests::run;
    use super::*;

    #[test]
    fn slow_peers_and_short_numbers_are_not_asked_again() {
        let rows = [
            run("w", OURS, 100_000.0, false),
            run("w", "best", 1_000.0, false),
            run("w", "near", 650.0, false),
            run("w", "far", 550.0, false),
            run("w", "fast-bf16", 2_000.0, false),
        ];
        assert_eq!(beaten(&rows), ["far", "fast-bf16"]);
        assert!(beaten(&rows[..1]).is_empty());
    }
}
