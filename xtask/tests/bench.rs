//! The command `bench` from its command line to its files, beside peers that only say that they ran.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// A Python that imports tensorflow but not torch, and prints the line of a run without running.
const PYTHON: &str = r#"#!/bin/sh
case "$*" in
    "-c import tensorflow, keras") exit 0 ;;
    "-c import torch") echo "No module named 'torch'" >&2; exit 1 ;;
esac
while [ $# -gt 0 ]; do
    [ "$1" = --threads ] && threads=$2
    shift
done
echo "a word of another library"
echo "{\"workload\": \"start\", \"peer\": \"keras-fit\", \"version\": \"1\", \"threads\": $threads, \"images_per_s\": 0.001, \"ms_per_step\": 1e6, \"ms_min\": 1e6, \"ms_max\": 1e6, \"peak_rss_mib\": 500, \"other_cores\": 0.0}"
"#;

fn bench(folder: &Path, arguments: &[&str]) -> Output {
    let python = folder.join("python");
    fs::write(&python, PYTHON).unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("common.py"), "").unwrap();
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench", "--workload", "start", "--rounds", "1", "--peers", ".", "--python", "./python"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn ours_stands_beside_a_peer_and_one_that_is_absent_in_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["--threads", "2,1", "--turns", "2", "--out", "bench.json"]);
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(output.stdout.is_empty());
    let lines = |file: &str| {
        let text = fs::read_to_string(folder.path().join(file)).unwrap();
        assert!(!text.contains(&*folder.path().to_string_lossy()), "{text}");
        text
    };
    let json = lines("bench.json");
    let count = |part: &str| json.lines().filter(|line| line.contains(part)).count();
    assert_eq!(count("\"limit\":\"fma\""), 2);
    assert_eq!(count("\"peer\":\"keras-fit\""), 4);
    // Before, between and after two turns on each number of threads, and again where others disturbed.
    assert!(count("\"peer\":\"convnet\"") >= 6, "{json}");
    assert_eq!(count("none of 1 Pythons imports torch"), 2);
    let page = lines("bench.md");
    for part in [
        "| start | 2 | convnet |",
        "| start | 1 | keras-fit | 1 |",
        "| 10 | 100 | aim |",
        "torch-eager is absent",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(errors.contains("keras-fit") && errors.contains("other lines ignored"), "{errors}");

    // One number of threads again, alone: the other stays.
    let before = json.lines().filter(|line| line.contains("\"threads\":1,")).count();
    let output = bench(folder.path(), &["--threads", "2", "--turns", "1", "--out", "bench.json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json = lines("bench.json");
    assert_eq!(json.lines().filter(|line| line.contains("\"threads\":1,")).count(), before);
    assert_eq!(
        json.lines().filter(|line| line.contains("keras-fit") && line.contains("\"threads\":2,")).count(),
        1
    );
}

#[test]
fn without_a_file_each_line_goes_to_the_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(folder.path(), &["--threads", "1", "--turns", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let lines = text(&output.stdout);
    assert!(lines.starts_with("{\"limit\":\"fma\",\"threads\":1,"), "{lines}");
    assert!(lines.lines().count() >= 5 && lines.lines().all(|line| line.starts_with("{\"")), "{lines}");
}

#[test]
fn wrong_usage_ends_with_code_2_and_names_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes.json"), "mine\n").unwrap();
    for (arguments, told) in [
        (["--workload", "vgg"], "there are: mnist_train"),
        (["--peer-bin-dir", "lost"], "lost is no folder"),
        (["--out", "notes.json"], "give another file with --out"),
        (["--out", "lost/bench.json"], "lost/bench.json"),
        (["--threads", "0"], "--threads"),
    ] {
        let output = bench(folder.path(), &arguments);
        let errors = text(&output.stderr);
        assert!(errors.contains(told), "{arguments:?}: {errors}");
        let code = if arguments[1] == "lost/bench.json" { 1 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("notes.json")).unwrap(), "mine\n");
}
