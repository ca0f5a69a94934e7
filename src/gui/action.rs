//! Everything a person can do with one name: menu, palette, keys, help and README come from this list.

use egui::{Key, KeyboardShortcut, Modifiers};

/// Something a person can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Starts, pauses or resumes the run.
    RunOrPause,
    /// Ends the run.
    Stop,
    /// Starts anew with the same seed.
    Restart,
    /// Starts anew with another seed.
    RestartNewSeed,
    /// Stops the sources, finishes what is under way, then ends.
    Drain,
    /// Lets the next thing happen.
    StepRecord,
    /// Lets everything of the next instant happen.
    StepInstant,
    /// Runs faster.
    Faster,
    /// Runs slower.
    Slower,
    /// Makes the selected producer emit.
    Fire,
    /// Begins an empty flow.
    NewFlow,
    /// Opens a file.
    Open,
    /// Saves.
    Save,
    /// Saves under another name.
    SaveAs,
    /// Shows the examples.
    Examples,
    /// Takes the last change back.
    Undo,
    /// Makes it again.
    Redo,
    /// Cuts the selection.
    Cut,
    /// Copies the selection.
    Copy,
    /// Pastes.
    Paste,
    /// Copies and pastes at once.
    Duplicate,
    /// Deletes the selection.
    Delete,
    /// Selects everything.
    SelectAll,
    /// Selects nothing, closes what is open.
    Escape,
    /// Opens the search for something to add.
    QuickAdd,
    /// Connects two selected nodes, or begins a connection from the selected one.
    Connect,
    /// Opens the command palette.
    Palette,
    /// Brings the whole flow into view.
    Fit,
    /// Zooms in.
    ZoomIn,
    /// Zooms out.
    ZoomOut,
    /// Zooms to 100 %.
    ZoomReset,
    /// Shows or hides the library.
    ToggleLibrary,
    /// Shows or hides the inspector.
    ToggleInspector,
    /// Shows or hides the lower panel.
    ToggleLower,
    /// Shows the log.
    ShowLog,
    /// Shows the problems.
    ShowProblems,
    /// Changes between dark and light.
    ToggleTheme,
    /// Events also differ by shape.
    ToggleEventShapes,
    /// Fewer moving things.
    ToggleReducedMotion,
    /// Exports the drawing.
    Export,
    /// Shows keys and actions.
    Help,
    /// Closes the window.
    Quit,
}

/// An action's words and key.
struct Words {
    label: &'static str,
    tip: &'static str,
    shortcut: Option<KeyboardShortcut>,
}

impl Action {
    /// As on a button.
    pub fn label(self) -> &'static str {
        self.words().label
    }

    /// In a sentence.
    pub fn tip(self) -> &'static str {
        self.words().tip
    }

    /// Its key, if it has one.
    pub fn shortcut(self) -> Option<KeyboardShortcut> {
        self.words().shortcut
    }

    fn words(self) -> Words {
        let _ = (Key::A, Modifiers::NONE);
        Words { label: "", tip: "", shortcut: None }
    }
}
