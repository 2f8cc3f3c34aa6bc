//! `cargo xtask pretrain` as a user meets it: the same bytes whatever happens on the way.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

/// A tiny training into `out`.
fn pretrain(out: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["pretrain", "--pictures", "320", "--epochs", "2", "--out"]).arg(out).args(more);
    command.stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn threads_and_kill_change_no_byte() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let output = pretrain(&out, more).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        let left: Vec<_> = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["mini_vgg.safetensors"], "nothing else is left");
        (fs::read(out.join("mini_vgg.safetensors")).unwrap(), said(&output))
    };
    let (expected, told) = run("one", &["--threads", "1"]);
    assert!(expected.len() < 2_000_000, "{} bytes", expected.len());
    assert!(told.contains("SHA-256 ") && told.contains("held out: "), "{told}");
    assert!(run("three", &["--threads", "3"]).0 == expected);
    assert!(run("seed", &["--seed", "2"]).0 != expected, "another seed is another network");
    for delay in [400, 900] {
        let out = folder.path().join("killed");
        let mut child = pretrain(&out, &["--resume"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(run("killed", &["--resume"]).0 == expected);
}

#[test]
fn wrong_usage_ends_with_2_and_a_disk_that_refuses_with_1() {
    let folder = tempfile::tempdir().unwrap();
    for wrong in [["--pictures", "0"], ["--epochs", "0"], ["--seed", "x"], ["--threads", "0"]] {
        let output = pretrain(folder.path(), &wrong).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    }
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let output = pretrain(&file, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("file") && fs::read_to_string(&file).unwrap() == "mine");
}
