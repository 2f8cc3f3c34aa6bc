//! Everything that must hold beside `cargo test --workspace`: format, lints, rules of the house, documentation, the smoke
//! run, licences. All steps run even if one fails, so that one push shows all there is to mend.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::tidy::tidy;

/// What a step says where it passed.
type Outcome = Result<String>;

/// Takes the workspace's root.
type Step = fn(&Path) -> Outcome;

/// Runs all steps in the workspace's root.
///
/// # Errors
/// When a step failed, with the names of all that did.
pub(crate) fn run() -> Result<()> {
    let root = root()?;
    let steps: [(&str, Step); 7] = [
        ("fmt", |root| cargo(root, &["fmt", "--all", "--check"])),
        ("clippy", |root| cargo(root, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ("tidy", check_tidy),
        ("doc", |root| {
            succeed(command(root, &["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
        }),
        ("smoke", smoke),
        ("deny", deny),
        ("advisories", advisories),
    ];
    let mut summary = Vec::new();
    for (name, step) in steps {
        println!("ci: {name} …");
        let start = Instant::now();
        let outcome = step(&root);
        let took = start.elapsed();
        println!("{}", line(name, &outcome, took));
        summary.push((name, outcome, took));
    }
    println!("\nci: summary");
    for (name, outcome, took) in &summary {
        println!("{}", line(name, outcome, *took));
    }
    let failed: Vec<&str> =
        summary.iter().filter(|(_, outcome, _)| outcome.is_err()).map(|(name, ..)| *name).collect();
    ensure!(failed.is_empty(), "{} of {} steps failed: {}", failed.len(), summary.len(), failed.join(", "));
    Ok(())
}

fn line(name: &str, outcome: &Outcome, took: Duration) -> String {
    let (mark, said) = match outcome {
        Ok(said) => ("ok", said.clone()),
        Err(error) => ("FAILED", format!("{error:#}")),
    };
    let mut line = format!("ci: {name:<10} {mark:<6} {:6.1} s  {said}", took.as_secs_f64());
    line.truncate(line.trim_end().len());
    line
}

/// The workspace's folder: cargo tells it to a program that it runs.
fn root() -> Result<PathBuf> {
    let package = env::var_os("CARGO_MANIFEST_DIR").context("start this as `cargo xtask ci`")?;
    Ok(Path::new(&package).parent().context("xtask lies at the root of a disk")?.to_owned())
}

fn command(root: &Path, arguments: &[&str]) -> Command {
    // The cargo that runs this program, so that one toolchain does everything.
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(arguments).current_dir(root);
    command
}

fn cargo(root: &Path, arguments: &[&str]) -> Outcome {
    succeed(&mut command(root, arguments))
}

fn succeed(command: &mut Command) -> Outcome {
    let status = command.status().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    ensure!(status.success(), "ended with {status}");
    Ok(String::new())
}

fn check_tidy(root: &Path) -> Outcome {
    let findings = tidy(root);
    for finding in &findings {
        println!("{finding}");
    }
    ensure!(findings.is_empty(), "{} findings, listed above", findings.len());
    Ok(String::new())
}

/// The whole chapter once, tiny, through the very program that is running.
fn smoke(root: &Path) -> Outcome {
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |folder| root.join(folder));
    let out = target.join("ci-smoke");
    if out.exists() {
        fs::remove_dir_all(&out).with_context(|| format!("cannot empty {}", out.display()))?;
    }
    let program = env::current_exe().context("cannot find this program")?;
    let mut run = Command::new(program);
    run.args(["reproduce-chapter5", "--profile", "smoke", "--out"]).arg(&out).current_dir(root);
    succeed(&mut run)?;
    ensure!(out.join("index.html").is_file(), "{} lacks index.html", out.display());
    let path = out.join("results.json");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    check_results(&text)
}

/// Why an experiment may be skipped: it builds on weights that the program does not bring, or needs one that does.
const SKIPPED: [&str; 2] = ["no pretrained weights are at hand", "which was skipped"];

/// Every experiment that the smoke run lists must be done, but for those on weights that are not at hand.
fn check_results(text: &str) -> Outcome {
    let results: serde_json::Value = serde_json::from_str(text).context("results.json is no JSON")?;
    ensure!(results["version"] == 1, "results.json has version {}, expected 1", results["version"]);
    let experiments = results["experiments"].as_array().context("results.json lists no experiments")?;
    ensure!(!experiments.is_empty(), "results.json lists no experiments");
    let is_skipped = |experiment: &&serde_json::Value| {
        let why = experiment["error"].as_str().unwrap_or_default();
        experiment["status"] == "skipped" && SKIPPED.iter().any(|reason| why.contains(reason))
    };
    let (skipped, done): (Vec<_>, Vec<_>) = experiments.iter().partition(is_skipped);
    let unfinished: Vec<String> = done
        .iter()
        .filter(|experiment| experiment["status"] != "done")
        .map(|experiment| format!("{} {}", experiment["id"], experiment["status"]))
        .collect();
    if !unfinished.is_empty() {
        bail!("not done: {}", unfinished.join(", "));
    }
    let seconds: f64 = experiments.iter().filter_map(|experiment| experiment["seconds"].as_f64()).sum();
    let without = match skipped.len() {
        0 => String::new(),
        count => format!(", {count} skipped for want of weights"),
    };
    Ok(format!("{} experiments done in {seconds:.1} s{without}", done.len()))
}

fn has_deny(root: &Path) -> bool {
    command(root, &["deny", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn deny(root: &Path) -> Outcome {
    if !has_deny(root) {
        return Ok("skipped: cargo-deny is not installed (cargo install cargo-deny --locked)".to_owned());
    }
    cargo(root, &["deny", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"])
}

/// Known weaknesses of dependencies, where the database can be reached.
fn advisories(root: &Path) -> Outcome {
    if !has_deny(root) {
        return Ok("skipped: cargo-deny is not installed".to_owned());
    }
    let fetched = command(root, &["deny", "fetch", "db"]).output().context("cannot start cargo deny")?;
    if !fetched.status.success() {
        return Ok("skipped: the advisory database cannot be reached".to_owned());
    }
    cargo(root, &["deny", "--offline", "check", "advisories"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_finished_smoke_run_passes() {
        let done = r#"{"id": "5.1", "status": "done", "seconds": 1.5}"#;
        let results = |experiments: &str| format!(r#"{{"version": 1, "experiments": [{experiments}]}}"#);
        assert_eq!(
            check_results(&results(&format!("{done}, {done}"))).unwrap(),
            "2 experiments done in 3.0 s"
        );
        let on_a_base =
            r#"{"id": "5.3.1a", "status": "skipped", "error": "no pretrained weights are at hand (none)"}"#;
        let said = check_results(&results(&format!("{done}, {on_a_base}"))).unwrap();
        assert!(said.ends_with("1 skipped for want of weights"), "{said}");
        for (text, expected) in [
            (results(&format!(r#"{done}, {{"id": "5.1.2", "status": "failed"}}"#)), "5.1.2"),
            (results(r#"{"id": "5.1", "status": "skipped"}"#), "skipped"),
            (results(""), "no experiments"),
            (r#"{"version": 1}"#.to_owned(), "no experiments"),
            (r#"{"version": 2, "experiments": []}"#.to_owned(), "version 2"),
            ("{".to_owned(), "no JSON"),
        ] {
            let message = format!("{:#}", check_results(&text).unwrap_err());
            assert!(message.contains(expected), "{text}: {message}");
        }
    }

    #[test]
    fn a_step_that_fails_is_marked() {
        let failed = line(
            "doc",
            &succeed(Command::new("cargo").arg("no-such-command").stderr(std::process::Stdio::null())),
            Duration::ZERO,
        );
        assert!(failed.contains("doc") && failed.contains("FAILED"), "{failed}");
        assert_eq!(line("fmt", &Ok(String::new()), Duration::from_secs(2)), "ci: fmt        ok        2.0 s");
    }
}
