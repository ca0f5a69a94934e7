//! The window's habits, kept for it: it never touches the disk itself.

pub use crate::store::{Settings, Theme as SettingsTheme, WindowPlace};

use crate::store::{Disk, load_settings, save_settings, settings_path};

impl Settings {
    /// What was kept, or what a new person begins with; and why, if what was kept cannot be read.
    pub fn load() -> (Self, Option<String>) {
        settings_path().map_or_else(|| (Self::default(), None), |path| load_settings(&Disk, &path))
    }

    /// Keeps them; why not, if they cannot be kept.
    pub fn save(&self) -> Result<(), String> {
        match settings_path() {
            Some(path) => save_settings(&Disk, self, &path).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }
}
