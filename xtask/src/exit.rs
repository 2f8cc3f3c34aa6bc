//! How the program ends: the exit codes of the house and the errors that stand for them.

use convnet_report::printable;
use std::fmt;
use std::io::Write;
use std::process::ExitCode;

/// Something ran and failed; the rest still ran.
pub(crate) const FAILED: u8 = 1;
/// Wrong usage or wrong input.
pub(crate) const USAGE: u8 = 2;
/// Stopped by Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// Wrong usage or input: what was given and what would do.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Ctrl-C came; the text says how to go on.
#[derive(Debug)]
pub(crate) struct Interrupted(pub(crate) String);

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Interrupted {}

/// An experiment that is not run, and why: no failure.
#[derive(Debug)]
pub(crate) struct Skipped(pub(crate) String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Skipped {}

/// The exit code for how a command ended, after telling the error.
pub(crate) fn code(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    // Where standard error cannot be written, the exit code still tells.
    let mut told = std::io::stderr().lock();
    if let Some(Interrupted(how)) = error.downcast_ref() {
        let _ = writeln!(told, "{}", printable(how));
        return ExitCode::from(INTERRUPTED);
    }
    let _ = writeln!(told, "error: {}", printable(&format!("{error:#}")));
    ExitCode::from(if is_input(&error) { USAGE } else { FAILED })
}

/// Whether the mistake is in what the user gave.
fn is_input(error: &anyhow::Error) -> bool {
    use convnet_datasets::Error as Datasets;
    use convnet_report::Error as Report;
    error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<convnet_data::Error>()
            || matches!(
                cause.downcast_ref(),
                Some(
                    Report::Read { .. }
                        | Report::TooLarge { .. }
                        | Report::Version { .. }
                        | Report::Invalid { .. }
                )
            )
            || matches!(
                cause.downcast_ref(),
                Some(
                    Datasets::NoFolder { .. }
                        | Datasets::UnknownName { .. }
                        | Datasets::WrongContent { .. }
                        | Datasets::Archive { .. }
                        | Datasets::Source { .. }
                )
            )
    })
}
