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
    /// Works the selected view out again.
    Rebuild,
    /// Lets the selected subscription read again.
    Replay,
    /// Crashes the selected node, or cuts the selected link.
    Break,
    /// Heals what is selected.
    Heal,
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
    /// Exports the drawing.
    Export,
    /// Closes the window.
    Quit,
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
    /// Moves the keyboard to the next part of the window.
    NextPanel,
    /// Moves the keyboard to the previous part of the window.
    PreviousPanel,
    /// Changes between dark and light.
    ToggleTheme,
    /// Events also differ by shape.
    ToggleEventShapes,
    /// Fewer moving things.
    ToggleReducedMotion,
    /// Files are chosen in a window of our own.
    ToggleInAppDialogs,
    /// Shows keys and actions.
    Help,
}

/// What an action belongs to, for menus and help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActionGroup {
    /// Flows and files.
    File,
    /// Changing the drawing.
    Edit,
    /// The run.
    Run,
    /// What the window shows.
    View,
    /// Finding out.
    Help,
}

impl ActionGroup {
    /// Every group, in the order of the menu.
    pub const ALL: [Self; 5] = [Self::File, Self::Edit, Self::Run, Self::View, Self::Help];

    /// As on a menu.
    pub const fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::Edit => "Edit",
            Self::Run => "Run",
            Self::View => "View",
            Self::Help => "Help",
        }
    }

    /// Its actions, in order.
    pub fn actions(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| action.group() == self)
    }
}

/// An action's group, words and key.
struct Words {
    group: ActionGroup,
    label: &'static str,
    tip: &'static str,
    shortcut: Option<KeyboardShortcut>,
}

impl Action {
    /// Every action, in the order of menu and help.
    pub const ALL: [Self; 49] = [
        Self::RunOrPause,
        Self::Stop,
        Self::Restart,
        Self::RestartNewSeed,
        Self::Drain,
        Self::StepRecord,
        Self::StepInstant,
        Self::Faster,
        Self::Slower,
        Self::Fire,
        Self::Rebuild,
        Self::Replay,
        Self::Break,
        Self::Heal,
        Self::NewFlow,
        Self::Open,
        Self::Save,
        Self::SaveAs,
        Self::Examples,
        Self::Export,
        Self::Quit,
        Self::Undo,
        Self::Redo,
        Self::Cut,
        Self::Copy,
        Self::Paste,
        Self::Duplicate,
        Self::Delete,
        Self::SelectAll,
        Self::Escape,
        Self::QuickAdd,
        Self::Connect,
        Self::Palette,
        Self::Fit,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::ToggleLibrary,
        Self::ToggleInspector,
        Self::ToggleLower,
        Self::ShowLog,
        Self::ShowProblems,
        Self::NextPanel,
        Self::PreviousPanel,
        Self::ToggleTheme,
        Self::ToggleEventShapes,
        Self::ToggleReducedMotion,
        Self::ToggleInAppDialogs,
        Self::Help,
    ];

    /// What it belongs to.
    pub const fn group(self) -> ActionGroup {
        self.words().group
    }

    /// As on a button.
    pub const fn label(self) -> &'static str {
        self.words().label
    }

    /// In a sentence.
    pub const fn tip(self) -> &'static str {
        self.words().tip
    }

    /// Its key, if it has one.
    pub const fn shortcut(self) -> Option<KeyboardShortcut> {
        self.words().shortcut
    }

    /// Other keys that people try, for the same.
    pub const fn other_shortcut(self) -> Option<KeyboardShortcut> {
        match self {
            Self::Palette => key(Modifiers { shift: true, ..Modifiers::COMMAND }, Key::P),
            Self::Redo => key(Modifiers::COMMAND, Key::Y),
            Self::Delete => key(Modifiers::NONE, Key::Backspace),
            _ => None,
        }
    }

    /// Its key as people write it, as in `Ctrl+Shift+S`.
    pub fn shortcut_text(self) -> Option<String> {
        let shortcut = self.shortcut()?;
        let text = shortcut.format(&egui::ModifierNames::NAMES, cfg!(target_os = "macos"));
        let spelt = [("Period", "."), ("Comma", ","), ("Plus", "+"), ("Minus", "-")];
        let found =
            spelt.into_iter().find_map(|(name, sign)| text.strip_suffix(name).map(|keys| format!("{keys}{sign}")));
        Some(found.unwrap_or(text))
    }

    /// What it does and its key, for a tooltip.
    pub fn tip_with_key(self) -> String {
        match self.shortcut_text() {
            Some(key) => format!("{}  ({key})", self.tip()),
            None => self.tip().to_owned(),
        }
    }

    const fn words(self) -> Words {
        const CTRL_SHIFT: Modifiers = Modifiers { shift: true, ..Modifiers::COMMAND };
        const CTRL_ALT: Modifiers = Modifiers { alt: true, ..Modifiers::COMMAND };
        const CTRL: Modifiers = Modifiers::COMMAND;
        const SHIFT: Modifiers = Modifiers::SHIFT;
        const NONE: Modifiers = Modifiers::NONE;
        use ActionGroup::{Edit, File, Help, Run, View};
        match self {
            Self::RunOrPause => {
                words(Run, "Run or pause", "Starts the flow, stops its clock, lets it go on", key(NONE, Key::F5))
            }
            Self::Stop => words(Run, "Stop", "Ends the run; its figures stay to be read", key(SHIFT, Key::F5)),
            Self::Restart => {
                words(Run, "Restart", "Starts anew with the same seed: the same run again", key(CTRL, Key::F5))
            }
            Self::RestartNewSeed => {
                words(Run, "Restart with a new seed", "Starts anew, with other chance", key(CTRL_SHIFT, Key::F5))
            }
            Self::Drain => words(Run, "Drain", "Stops the sources, finishes what is under way, then ends", None),
            Self::StepRecord => words(Run, "Step", "Lets the next thing happen, and only that", key(NONE, Key::F10)),
            Self::StepInstant => words(
                Run,
                "Step one instant",
                "Lets everything happen that the next instant holds",
                key(SHIFT, Key::F10),
            ),
            Self::Faster => {
                words(Run, "Faster", "Lets time pass faster; results stay the same", key(CTRL, Key::Period))
            }
            Self::Slower => words(Run, "Slower", "Lets time pass slower; results stay the same", key(CTRL, Key::Comma)),
            Self::Fire => words(
                Run,
                "Fire…",
                "Makes the selected producer emit now: once or many times, with data of your own",
                key(CTRL, Key::Enter),
            ),
            Self::Rebuild => words(Run, "Rebuild view", "Works the selected view out again from its topics", None),
            Self::Replay => words(
                Run,
                "Replay…",
                "Lets the selected subscription read again: from the start, from a time, from an offset",
                None,
            ),
            Self::Break => words(Run, "Break", "Crashes the selected node, or cuts the selected link", None),
            Self::Heal => words(Run, "Heal", "Ends every fault of the selected node or link", None),
            Self::NewFlow => words(File, "New flow", "Begins an empty flow", key(CTRL, Key::N)),
            Self::Open => words(File, "Open…", "Opens a flow file", key(CTRL, Key::O)),
            Self::Save => words(File, "Save", "Saves the flow to its file", key(CTRL, Key::S)),
            Self::SaveAs => words(File, "Save as…", "Saves the flow under another name", key(CTRL_SHIFT, Key::S)),
            Self::Examples => words(File, "Examples…", "Shows the flows that come with Eventloom", key(CTRL, Key::E)),
            Self::Export => {
                words(File, "Export…", "Writes the drawing as Mermaid or Graphviz text", key(CTRL_SHIFT, Key::E))
            }
            Self::Quit => words(File, "Quit", "Closes the window", key(CTRL, Key::Q)),
            Self::Undo => words(Edit, "Undo", "Takes the last change back, also while it runs", key(CTRL, Key::Z)),
            Self::Redo => words(Edit, "Redo", "Makes the change again that was taken back", key(CTRL_SHIFT, Key::Z)),
            Self::Cut => words(Edit, "Cut", "Cuts the selected nodes", key(CTRL, Key::X)),
            Self::Copy => {
                words(Edit, "Copy", "Copies the selected nodes and the links between them", key(CTRL, Key::C))
            }
            Self::Paste => words(Edit, "Paste", "Adds what was copied, here or in another flow", key(CTRL, Key::V)),
            Self::Duplicate => {
                words(Edit, "Duplicate", "Adds a copy of the selected nodes beside them", key(CTRL, Key::D))
            }
            Self::Delete => {
                words(Edit, "Delete", "Deletes what is selected; links go with their nodes", key(NONE, Key::Delete))
            }
            Self::SelectAll => words(Edit, "Select all", "Selects every node and link", key(CTRL, Key::A)),
            Self::Escape => words(Edit, "Deselect", "Closes what is open, selects nothing", key(NONE, Key::Escape)),
            Self::QuickAdd => words(
                Edit,
                "Add…",
                "Searches for something to add, and connects it to what is selected",
                key(CTRL, Key::I),
            ),
            Self::Connect => words(Edit, "Connect…", "Connects the selected node to another one", key(CTRL, Key::L)),
            Self::Palette => words(
                View,
                "Search and commands…",
                "Finds nodes, event types and everything that can be done",
                key(CTRL, Key::K),
            ),
            Self::Fit => words(View, "Fit", "Brings the whole flow into view", key(CTRL, Key::Num1)),
            Self::ZoomIn => words(View, "Zoom in", "Shows less, larger", key(CTRL, Key::Plus)),
            Self::ZoomOut => words(View, "Zoom out", "Shows more, smaller", key(CTRL, Key::Minus)),
            Self::ZoomReset => words(View, "Zoom to 100 %", "Shows everything at its own size", key(CTRL, Key::Num0)),
            Self::ToggleLibrary => words(View, "Library", "Shows or hides what can be added", key(CTRL, Key::B)),
            Self::ToggleInspector => {
                words(View, "Inspector", "Shows or hides the settings of what is selected", key(CTRL_ALT, Key::B))
            }
            Self::ToggleLower => {
                words(View, "Lower panel", "Unfolds or folds the log and the problems", key(CTRL, Key::J))
            }
            Self::ShowLog => words(View, "Log", "Shows what happens, line by line", key(CTRL_SHIFT, Key::L)),
            Self::ShowProblems => {
                words(View, "Problems", "Shows what is wrong or doubtful in the drawing", key(CTRL_SHIFT, Key::M))
            }
            Self::NextPanel => {
                words(View, "Next panel", "Moves the keyboard to the next part of the window", key(NONE, Key::F6))
            }
            Self::PreviousPanel => words(
                View,
                "Previous panel",
                "Moves the keyboard to the previous part of the window",
                key(SHIFT, Key::F6),
            ),
            Self::ToggleTheme => words(View, "Light theme", "Changes between dark and light", key(CTRL_SHIFT, Key::T)),
            Self::ToggleEventShapes => {
                words(View, "Event shapes", "Lets events differ by shape as well as by colour", None)
            }
            Self::ToggleReducedMotion => words(View, "Reduced motion", "Stops what moves only to please", None),
            Self::ToggleInAppDialogs => words(
                View,
                "Built-in file dialog",
                "Chooses files in a window of Eventloom's own, not the system's",
                None,
            ),
            Self::Help => {
                words(Help, "Keys and actions", "Shows every key and everything that can be done", key(NONE, Key::F1))
            }
        }
    }
}

const fn words(
    group: ActionGroup,
    label: &'static str,
    tip: &'static str,
    shortcut: Option<KeyboardShortcut>,
) -> Words {
    Words { group, label, tip, shortcut }
}

#[expect(clippy::unnecessary_wraps, reason = "a row of the list has a key or has none")]
const fn key(modifiers: Modifiers, key: Key) -> Option<KeyboardShortcut> {
    Some(KeyboardShortcut::new(modifiers, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_words_and_a_key_of_its_own() {
        let mut keys = std::collections::BTreeMap::new();
        for action in Action::ALL {
            assert!(!action.label().is_empty() && !action.tip().is_empty(), "{action:?}");
            assert!(!action.tip().ends_with('.'), "{action:?}: no full stop on one line");
            if let Some(text) = action.shortcut_text()
                && let Some(other) = keys.insert(text.clone(), action)
            {
                panic!("{text} is both {other:?} and {action:?}");
            }
        }
    }
}
