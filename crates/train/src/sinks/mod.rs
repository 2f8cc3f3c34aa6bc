//! Sinks that come with the library.

mod best_model;
mod csv;
mod early_stopping;
mod terminate_on_nan;

pub use best_model::BestModel;
pub use csv::Csv;
pub use early_stopping::EarlyStopping;
pub use terminate_on_nan::TerminateOnNaN;
