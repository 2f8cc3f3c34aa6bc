//! Runs every experiment of the chapter, the benchmarks, and the checks of the workspace.
#![forbid(unsafe_code)]

mod bench;
mod chapter5;
mod ci;
mod download;
mod exit;
mod fetching;
mod interruption;
mod lab;
mod living;
mod options;
mod plan;
mod pretrain;
mod report;
mod reproduce;
mod stdout;
mod tidy;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Chapter 5 of "Deep Learning with R" as real software: experiments, benchmarks, checks.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs the experiments of the chapter and writes one page about them
    ReproduceChapter5(options::Options),
    /// Builds the page again from the results.json of an earlier run
    Report(report::Arguments),
    /// Measures this library's speed, beside other software where it is installed
    Bench(bench::BenchArgs),
    /// Fetches data sets and pretrained weights, or takes them from files that you already have
    Download(download::Arguments),
    /// Trains mini-VGG, the base that comes with the project, on painted scenes
    Pretrain(pretrain::Arguments),
    /// Checks what must hold beside the tests: format, lints, house rules, documentation, the smoke run, licences
    Ci,
}

fn main() -> ExitCode {
    exit::code(run(Arguments::parse().task))
}

fn run(task: Task) -> anyhow::Result<()> {
    options::check_environment()?;
    match task {
        Task::ReproduceChapter5(options) => reproduce::run(&options),
        Task::Report(arguments) => report::run(&arguments),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Download(arguments) => download::run(&arguments),
        Task::Pretrain(arguments) => pretrain::run(&arguments),
        Task::Ci => ci::run(),
    }
}
