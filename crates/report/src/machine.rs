//! The machine that a run was made on, and how much memory the run took.

use std::fs;

use serde::{Deserialize, Serialize};

/// A computer in a few words; what could not be found out is empty or `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    #[serde(default)]
    pub cpu: String,
    /// Cores that this process may use.
    #[serde(default)]
    pub cores: usize,
    /// Main memory in MiB.
    #[serde(default)]
    pub memory_mib: Option<f64>,
    /// The operating system and its version.
    #[serde(default)]
    pub system: String,
}

impl Machine {
    /// Describes this machine (Linux in full, other systems by name only).
    pub fn here() -> Self {
        let cpu = fs::read_to_string("/proc/cpuinfo").ok();
        let memory = fs::read_to_string("/proc/meminfo").ok();
        let release = fs::read_to_string("/etc/os-release").ok();
        Self {
            cpu: cpu
                .and_then(|text| field(&text, "model name", ':'))
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_mib: memory.and_then(|text| mib(&text, "MemTotal")),
            system: release
                .and_then(|text| field(&text, "PRETTY_NAME", '='))
                .unwrap_or_else(|| std::env::consts::OS.to_owned()),
        }
    }
}

/// The most memory that this process has had at once since its start or [`reset_peak`], in MiB; `None` where unknown.
pub fn peak_mib() -> Option<f64> {
    mib(&fs::read_to_string("/proc/self/status").ok()?, "VmHWM")
}

/// Starts the measurement of [`peak_mib`] anew; `false` where the system does not allow it, and then the peak of one
/// experiment is not known.
pub fn reset_peak() -> bool {
    cfg!(target_os = "linux") && fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// The first value of `name` in lines of `name SEPARATOR value`, without quotes.
fn field(text: &str, name: &str, separator: char) -> Option<String> {
    let value = text.lines().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (!value.is_empty()).then_some(value)
}

/// A value given in kB, in MiB to one decimal.
fn mib(text: &str, name: &str) -> Option<f64> {
    let kib: f64 = field(text, name, ':')?.strip_suffix("kB")?.trim().parse().ok()?;
    Some((kib / 102.4).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        let text = "processor\t: 0\nmodel name\t: A Fast One @ 2 GHz\nmodel name\t: another\nempty:\n";
        assert_eq!(field(text, "model name", ':').as_deref(), Some("A Fast One @ 2 GHz"));
        assert_eq!(
            field("PRETTY_NAME=\"Some System 12\"\n", "PRETTY_NAME", '=').as_deref(),
            Some("Some System 12")
        );
        assert_eq!((field(text, "empty", ':'), field(text, "none", ':')), (None, None));
        assert_eq!(mib("VmPeak:\t 9 kB\nVmHWM:\t  10240 kB\n", "VmHWM"), Some(10.0));
        assert_eq!(mib("VmHWM:\t many kB\n", "VmHWM"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_peak_sees_a_large_block_and_can_be_reset() {
        assert!(Machine::here().memory_mib.unwrap() > 16.0);
        let before = peak_mib().unwrap();
        let block = std::hint::black_box(vec![1u8; 256 << 20]);
        let with = peak_mib().unwrap();
        assert!(with >= before.max(255.0), "{before} {with}");
        drop(block);
        if reset_peak() {
            let after = peak_mib().unwrap();
            assert!(after < with - 128.0, "{with} {after}");
        }
    }
}
