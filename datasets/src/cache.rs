//! Where data may lie on this computer.

use std::env;
use std::path::PathBuf;

/// The folders that [`find`](crate::find) looks into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// `CONVNET_DATA_DIR`: data that somebody put there; never written to.
    pub data_dir: Option<PathBuf>,
    /// The cache, which downloads go to; created when needed. `None` where no home folder is known.
    pub cache: Option<PathBuf>,
}

impl Places {
    /// Reads `CONVNET_DATA_DIR` and `CONVNET_CACHE`; without the latter the cache is the folder `convnet` in the
    /// user's cache folder (`$XDG_CACHE_HOME` or `~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`). An empty
    /// variable counts as unset.
    pub fn from_environment() -> Self {
        Self::from_variables(|name| env::var_os(name).map(PathBuf::from), env::home_dir())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<PathBuf>, home: Option<PathBuf>) -> Self {
        let variable = |name: &str| variable(name).filter(|path| !path.as_os_str().is_empty());
        // The XDG specification says that a relative path is to be ignored.
        let user_cache = if cfg!(windows) {
            variable("LOCALAPPDATA")
        } else if cfg!(target_os = "macos") {
            home.map(|home| home.join("Library").join("Caches"))
        } else {
            let xdg = variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
            xdg.or_else(|| home.map(|home| home.join(".cache")))
        };
        Self {
            data_dir: variable("CONVNET_DATA_DIR"),
            cache: variable("CONVNET_CACHE").or_else(|| user_cache.map(|folder| folder.join("convnet"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)], home: Option<&str>) -> Places {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value))
        };
        Places::from_variables(lookup, home.map(PathBuf::from))
    }

    #[test]
    fn own_variables_win_and_empty_ones_do_not_count() {
        let found = places(&[("CONVNET_DATA_DIR", "/d"), ("CONVNET_CACHE", "/c")], Some("/h"));
        assert_eq!(found, Places { data_dir: Some("/d".into()), cache: Some("/c".into()) });
        let found = places(&[("CONVNET_DATA_DIR", ""), ("CONVNET_CACHE", "")], None);
        assert_eq!(found.data_dir, None);
        assert_eq!(found.cache, None);
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_user_cache_follows_xdg() {
        assert_eq!(places(&[], Some("/h")).cache, Some("/h/.cache/convnet".into()));
        assert_eq!(places(&[("XDG_CACHE_HOME", "/x")], Some("/h")).cache, Some("/x/convnet".into()));
        assert_eq!(places(&[("XDG_CACHE_HOME", "x")], Some("/h")).cache, Some("/h/.cache/convnet".into()));
    }
}
