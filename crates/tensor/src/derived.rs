//! Values computed from a buffer and kept beside it until it is written.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

type Entry = (u64, Arc<dyn Any + Send + Sync>);

#[derive(Default)]
pub(crate) struct Derived(Mutex<Vec<Entry>>);

impl Derived {
    pub(crate) fn get<D: Send + Sync + 'static>(&self, name: u64, compute: impl FnOnce() -> D) -> Arc<D> {
        if let Some(found) = self.find(name) {
            return found;
        }
        // Outside the lock: a thread that waits in a lock may be handed work that needs the same lock.
        let computed = Arc::new(compute());
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = Self::find_in(&entries, name) {
            return found;
        }
        entries.push((name, computed.clone()));
        computed
    }

    fn find<D: Send + Sync + 'static>(&self, name: u64) -> Option<Arc<D>> {
        Self::find_in(&self.0.lock().unwrap_or_else(PoisonError::into_inner), name)
    }

    fn find_in<D: Send + Sync + 'static>(entries: &[Entry], name: u64) -> Option<Arc<D>> {
        entries.iter().filter(|(n, _)| *n == name).find_map(|(_, value)| Arc::clone(value).downcast().ok())
    }

    pub(crate) fn clear(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
