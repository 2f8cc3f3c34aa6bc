//! Running a program with bounded patience and bounded memory, on chosen cores.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How much of what a program prints is kept.
const KEPT: u64 = 1 << 20;
/// How long to wait for the last output of a program that has ended: its own children may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Runs `command` to its end and gives what it printed.
///
/// # Errors
/// In words: it cannot be started, took longer than `patience` (it is killed then), or failed, with its last words.
pub(super) fn run(command: &mut Command, patience: Duration) -> Result<String, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its folder belongs to this machine alone.
    let name =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut child = command.spawn().map_err(|error| format!("{name} cannot be started: {error}"))?;
    let output = child.stdout.take().map(Listener::new);
    let errors = child.stderr.take().map(Listener::new);
    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if start.elapsed() < patience => thread::sleep(Duration::from_millis(50)),
            Ok(None) => {
                // It may have ended just now; then there is nothing to kill, and nothing to say about it.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("{name} was stopped after {} s", patience.as_secs()));
            }
            Err(error) => return Err(format!("{name} cannot be waited for: {error}")),
        }
    };
    let text = |listener: Option<Listener>| listener.map(Listener::text).unwrap_or_default();
    let (output, errors) = (text(output), text(errors));
    if status.success() {
        return Ok(output);
    }
    let last = errors.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("without a word");
    Err(format!("{name} failed ({status}): {}", last.chars().take(300).collect::<String>()))
}

/// Reads a pipe to its end, so that the writer never waits, and keeps the beginning.
struct Listener {
    kept: Arc<Mutex<Vec<u8>>>,
    thread: thread::JoinHandle<io::Result<()>>,
}

impl Listener {
    fn new(mut pipe: impl Read + Send + 'static) -> Listener {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&kept);
        let thread = thread::spawn(move || {
            let mut block = [0; 4096];
            loop {
                let length = pipe.read(&mut block)?;
                if length == 0 {
                    return Ok(());
                }
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                let room = (KEPT as usize).saturating_sub(kept.len());
                kept.extend_from_slice(&block[..length.min(room)]);
            }
        });
        Listener { kept, thread }
    }

    fn text(self) -> String {
        let start = Instant::now();
        while !self.thread.is_finished() && start.elapsed() < LAST_WORDS {
            thread::sleep(Duration::from_millis(5));
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}

/// The beginning of a command line that keeps a program on the first `threads` cores, as the peers keep themselves;
/// `None` where `taskset` is not there.
pub(super) fn pinning(threads: usize) -> Option<[OsString; 3]> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
    let cores: Vec<_> = cores(allowed)?.into_iter().take(threads).map(|core| core.to_string()).collect();
    let prefix = ["taskset".into(), "-c".into(), cores.join(",").into()];
    let works = run(Command::new(&prefix[0]).args(&prefix[1..]).arg("true"), Duration::from_secs(10));
    works.is_ok().then_some(prefix)
}

/// The cores of a list such as `0-3,8`.
fn cores(list: &str) -> Option<Vec<u32>> {
    let mut cores = Vec::new();
    for part in list.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        cores.extend(first..=last.min(first.saturating_add(4096)));
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, patience: u64) -> Result<String, String> {
        run(Command::new("sh").args(["-c", script]), Duration::from_secs(patience))
    }

    #[test]
    fn lists_of_cores_are_read() {
        assert_eq!(cores(" 0-2,7\n"), Some(vec![0, 1, 2, 7]));
        assert_eq!((cores("5"), cores(""), cores("a-b")), (Some(vec![5]), None, None));
        assert!(cores("0-4294967295").unwrap().len() < 10_000);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_fails_hangs_or_is_not_there_is_told() {
        assert_eq!(shell("echo yes", 60), Ok("yes\n".to_owned()));
        let message = shell("echo first >&2; echo last >&2; exit 3", 60).unwrap_err();
        assert!(message.contains("last") && message.contains('3') && !message.contains("first"), "{message}");
        let message = shell("exec sleep 600", 0).unwrap_err();
        assert!(message.contains("stopped after 0 s"), "{message}");
        let message = run(&mut Command::new("./no-such-program"), Duration::from_secs(1)).unwrap_err();
        assert!(message.contains("no-such-program cannot be started"), "{message}");
    }

    #[cfg(unix)]
    #[test]
    fn endless_output_takes_bounded_memory_and_an_orphan_cannot_hold_the_end() {
        let output = shell("head -c 3000000 /dev/zero", 60).unwrap();
        assert_eq!(output.len() as u64, KEPT);
        let start = Instant::now();
        assert_eq!(shell("sleep 30 & echo done", 60).unwrap(), "done\n");
        assert!(start.elapsed() < Duration::from_secs(25));
    }
}
