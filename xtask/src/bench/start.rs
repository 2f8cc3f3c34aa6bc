//! Whole processes, each from its start to the end of its first training step.

use super::clock::{Neighbours, Timing};
use anyhow::{Context, Result, ensure};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Starts the same process once to warm up the system's memory of its files, then once for each round, and gives the
/// times until each printed its line, and the largest number of MiB in those lines.
///
/// # Errors
/// When one cannot be started, fails, or prints something else.
pub(super) fn measure(mut command: Command, rounds: usize) -> Result<(Timing, f64)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    first_step(&mut command)?;
    let neighbours = Neighbours::watch();
    let (mut seconds, mut peak) = (Vec::with_capacity(rounds), 0.0f64);
    for _ in 0..rounds {
        let (took, mib) = first_step(&mut command)?;
        seconds.push(took);
        peak = peak.max(mib);
    }
    let timing = Timing::of(seconds, neighbours.busy()).context("no round was asked for")?;
    Ok((timing, peak))
}

fn first_step(command: &mut Command) -> Result<(f64, f64)> {
    let start = Instant::now();
    let mut child = command.spawn().context("this program cannot start itself")?;
    let mut output = BufReader::new(child.stdout.take().context("a process without an output")?);
    let mut line = String::new();
    output.by_ref().take(1000).read_line(&mut line).context("the output of the process cannot be read")?;
    let took = start.elapsed().as_secs_f64();
    let status = child.wait().context("the process cannot be waited for")?;
    ensure!(status.success(), "the process failed: {status}");
    let mib = line.trim().parse().with_context(|| format!("`{}` is no number of MiB", line.trim()))?;
    Ok((took, mib))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn the_time_ends_with_the_line_and_not_with_the_process() {
        let start = Instant::now();
        let (timing, peak) = measure(shell("echo 12.5; sleep 1"), 1).unwrap();
        assert!(timing.max < 1.0 && start.elapsed().as_secs_f64() >= 2.0, "{timing:?}");
        assert_eq!(peak, 12.5);
    }

    #[test]
    fn a_process_that_fails_or_says_something_else_is_an_error() {
        let message = |script| format!("{:#}", measure(shell(script), 1).unwrap_err());
        assert!(message("echo 1; exit 3").contains("failed"));
        assert!(message("echo hello").contains("`hello` is no number"));
        assert!(message("true").contains("`` is no number"));
    }
}
