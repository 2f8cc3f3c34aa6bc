#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod cache;
mod convert;
mod evaluate;
mod explain;
mod explore;
mod interruption;
mod picture;
mod predict;
mod run;
mod source;
mod summary;
mod terminal;
mod train;

use clap::{Parser, Subcommand};
use convnet_report::printable;
use std::io::Write;
use std::process::ExitCode;

/// Learns from pictures, tells what is in others and why; looks into models, converts and runs them.
#[derive(Parser)]
#[command(name = "convnet", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Learns to tell the classes of a folder of pictures apart, on a pretrained base
    Train(train::Arguments),
    /// Shows a network's layers, shapes and parameters; of a file without a network its tensors
    Summary(summary::Arguments),
    /// Writes a model in another format, or the named tensors of a file that describes no network
    Convert(convert::Arguments),
    /// Runs a network on raw numbers and writes any layer's output
    Run(run::Arguments),
    /// Tells what is in pictures
    Predict(predict::Arguments),
    /// Measures a model on a folder of pictures
    Evaluate(evaluate::Arguments),
    /// Draws where in a picture a class is seen
    Explain(explain::Arguments),
    /// Opens a page on this machine that shows what a network sees, live
    Explore(explore::Arguments),
    /// Tells where files are kept and how large they are
    Cache(cache::Arguments),
}

/// What could not be written: the disk's fault, not the input's.
#[derive(Debug)]
struct Failed;

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the result is lost")
    }
}

impl std::error::Error for Failed {}

/// An error of writing, as the disk's fault.
fn lost<E: std::fmt::Display>(error: E) -> anyhow::Error {
    anyhow::Error::new(Failed).context(error.to_string())
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().verb {
        Verb::Summary(arguments) => summary::run(&arguments),
        Verb::Convert(arguments) => convert::run(&arguments),
        Verb::Run(arguments) => run::run(&arguments),
        Verb::Predict(arguments) => predict::run(&arguments),
        Verb::Train(arguments) => train::run(&arguments),
        Verb::Evaluate(arguments) => evaluate::run(&arguments),
        Verb::Explain(arguments) => explain::run(&arguments),
        Verb::Explore(arguments) => explore::run(&arguments),
        Verb::Cache(arguments) => cache::run(&arguments),
    };
    let Err(error) = outcome else { return ExitCode::SUCCESS };
    // Where standard error cannot be written, the exit code still tells.
    let mut told = std::io::stderr().lock();
    if let Some(interrupted) = error.downcast_ref::<interruption::Interrupted>() {
        let _ = writeln!(told, "{}", printable(&interrupted.to_string()));
        return ExitCode::from(interruption::CODE);
    }
    let _ = writeln!(told, "error: {}", printable(&format!("{error:#}")));
    ExitCode::from(if error.is::<Failed>() { 1 } else { 2 })
}

/// Prints a text and a line's end. A reader that has seen enough, as `head` has, is no failure.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{}", printable(text)) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(anyhow::Error::new(Failed).context(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}
