//! Choosing files: the system's dialog on a thread of its own, or one inside the window where no dialog service answers.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

use egui_file_dialog::{FileDialog, FileDialogLabels};

use crate::session::ExportFormat;

use super::theme::Theme;

/// A dialog that says "cancelled" sooner than anybody can press a button was never shown.
const NEVER_SHOWN: Duration = Duration::from_millis(300);

/// What a file is chosen for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// To open it.
    Open,
    /// To save the flow to it.
    SaveAs,
    /// To write the drawing to it.
    Export(ExportFormat),
}

/// The choosing that goes on, if any.
pub(crate) struct Files {
    system: SystemDialog,
    asked: Option<Asked>,
    inside: Option<(Choice, FileDialog)>,
}

/// The system's own dialog, which blocks until it is answered: for what, the name on offer, and where to begin.
pub(crate) type SystemDialog = fn(&Choice, &str, Option<&Path>) -> Option<PathBuf>;

impl Default for Files {
    fn default() -> Self {
        Self::with(system_dialog)
    }
}

/// A question to the system's dialog.
struct Asked {
    choice: Choice,
    name: String,
    folder: Option<PathBuf>,
    answer: Receiver<Answer>,
}

/// What the system's dialog said.
enum Answer {
    /// This file.
    Chosen(PathBuf),
    /// Nothing, after somebody has seen it.
    Cancelled,
    /// Nothing, and nobody can have seen it: there is no such dialog here.
    NeverShown,
}

impl Files {
    /// Asks this dialog before its own.
    pub(crate) const fn with(system: SystemDialog) -> Self {
        Self { system, asked: None, inside: None }
    }

    /// Whether a file is being chosen.
    pub(crate) const fn is_open(&self) -> bool {
        self.asked.is_some() || self.inside.is_some()
    }

    /// Asks for a file, in the window's own dialog if that is wanted.
    pub(crate) fn choose(
        &mut self,
        ctx: &egui::Context,
        choice: Choice,
        name: &str,
        beside: Option<&Path>,
        inside: bool,
    ) {
        if self.is_open() {
            return;
        }
        let folder = beside.and_then(Path::parent).filter(|folder| folder.is_dir()).map(Path::to_path_buf);
        if inside {
            self.inside = Some(open_inside(choice, name, folder));
            return;
        }
        let (answer, answered) = sync_channel(1);
        let (system, wake) = (self.system, ctx.clone());
        let (for_thread, name_for_thread, folder_for_thread) = (choice.clone(), name.to_owned(), folder.clone());
        // The dialog blocks whoever shows it: a thread of its own, and the window goes on.
        std::thread::spawn(move || {
            #[expect(
                clippy::disallowed_methods,
                reason = "whether a person can have seen it is a question of wall time"
            )]
            let begun = Instant::now();
            let path = system(&for_thread, &name_for_thread, folder_for_thread.as_deref());
            let said = match path {
                Some(path) => Answer::Chosen(path),
                None if begun.elapsed() < NEVER_SHOWN => Answer::NeverShown,
                None => Answer::Cancelled,
            };
            // Nobody listens any more if the window was closed meanwhile.
            drop(answer.send(said));
            wake.request_repaint();
        });
        self.asked = Some(Asked { choice, name: name.to_owned(), folder, answer: answered });
    }

    /// The file that was chosen since the last call.
    pub(crate) fn take(&mut self, ctx: &egui::Context) -> Option<(Choice, PathBuf)> {
        if let Some(asked) = self.asked.take() {
            match asked.answer.try_recv() {
                Err(TryRecvError::Empty) => self.asked = Some(asked),
                Ok(Answer::Chosen(path)) => return Some((asked.choice.clone(), with_extension(&asked.choice, path))),
                Ok(Answer::Cancelled) => {}
                // A dialog that dies without a word was not there either.
                Ok(Answer::NeverShown) | Err(TryRecvError::Disconnected) => {
                    self.inside = Some(open_inside(asked.choice, &asked.name, asked.folder));
                    ctx.request_repaint();
                }
            }
        }
        let (choice, dialog) = self.inside.as_mut()?;
        let choice = choice.clone();
        if let Some(path) = dialog.take_picked() {
            self.inside = None;
            return Some((choice.clone(), with_extension(&choice, path)));
        }
        if matches!(dialog.state(), egui_file_dialog::DialogState::Cancelled) {
            self.inside = None;
        }
        None
    }

    /// Draws the window's own dialog.
    pub(crate) fn ui(&mut self, ctx: &egui::Context, theme: &Theme) {
        if let Some((_, dialog)) = &mut self.inside {
            dialog.config_mut().modal_overlay_color = theme.scrim;
            dialog.update(ctx);
        }
    }
}

fn system_dialog(choice: &Choice, name: &str, folder: Option<&Path>) -> Option<PathBuf> {
    let (label, extension) = filter(choice);
    let mut dialog = rfd::FileDialog::new().set_file_name(name).add_filter(label, &[extension]);
    if let Some(folder) = folder {
        dialog = dialog.set_directory(folder);
    }
    dialog = dialog.set_title(title(choice));
    match choice {
        Choice::Open => dialog.pick_file(),
        Choice::SaveAs | Choice::Export(_) => dialog.save_file(),
    }
}

fn open_inside(choice: Choice, name: &str, folder: Option<PathBuf>) -> (Choice, FileDialog) {
    let (label, extension) = filter(&choice);
    let mut dialog = FileDialog::new()
        .as_modal(true)
        .anchor(egui::Align2::CENTER_CENTER, egui::Vec2::ZERO)
        .default_size([720.0, 460.0])
        // Its search is black on black in a light theme, whatever the style says; the list is sorted.
        .show_search(false)
        .default_file_name(name)
        .add_file_filter_extensions(label, vec![extension])
        .default_file_filter(label)
        .add_save_extension(label, extension)
        .default_save_extension(label)
        .err_icon(egui_phosphor::regular::WARNING)
        .default_file_icon(egui_phosphor::regular::FILE)
        .default_folder_icon(egui_phosphor::regular::FOLDER)
        .device_icon(egui_phosphor::regular::HARD_DRIVE)
        .removable_device_icon(egui_phosphor::regular::HARD_DRIVES)
        .parent_directory_icon(egui_phosphor::regular::ARROW_UP)
        .back_icon(egui_phosphor::regular::ARROW_LEFT)
        .forward_icon(egui_phosphor::regular::ARROW_RIGHT)
        .new_folder_icon(egui_phosphor::regular::FOLDER_PLUS)
        .menu_icon(egui_phosphor::regular::DOTS_THREE)
        .labels(labels(&choice))
        .search_icon(egui_phosphor::regular::MAGNIFYING_GLASS)
        .path_edit_icon(egui_phosphor::regular::PENCIL_SIMPLE);
    if let Some(folder) = folder {
        dialog = dialog.initial_directory(folder);
    }
    match choice {
        Choice::Open => dialog.pick_file(),
        Choice::SaveAs | Choice::Export(_) => dialog.save_file(),
    }
    (choice, dialog)
}

/// The dialog's words, without the pictures that it would put before them.
fn labels(choice: &Choice) -> FileDialogLabels {
    let plain = |text: &str| text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    let mut labels = FileDialogLabels::default();
    for label in [
        &mut labels.reload,
        &mut labels.working_directory,
        &mut labels.show_hidden,
        &mut labels.show_system_files,
        &mut labels.home_dir,
        &mut labels.desktop_dir,
        &mut labels.documents_dir,
        &mut labels.downloads_dir,
        &mut labels.audio_dir,
        &mut labels.pictures_dir,
        &mut labels.videos_dir,
        &mut labels.pin_folder,
        &mut labels.unpin_folder,
        &mut labels.rename_pinned_folder,
        &mut labels.open_button,
        &mut labels.save_button,
        &mut labels.cancel_button,
    ] {
        *label = plain(label);
    }
    for label in [&mut labels.title_select_file, &mut labels.title_save_file] {
        title(choice).clone_into(label);
    }
    labels
}

const fn title(choice: &Choice) -> &'static str {
    match choice {
        Choice::Open => "Open flow",
        Choice::SaveAs => "Save flow",
        Choice::Export(_) => "Export drawing",
    }
}

const fn filter(choice: &Choice) -> (&'static str, &'static str) {
    match choice {
        Choice::Open | Choice::SaveAs | Choice::Export(ExportFormat::Ron) => ("Flow", "ron"),
        Choice::Export(ExportFormat::Mermaid) => ("Mermaid", "mmd"),
        Choice::Export(ExportFormat::Dot) => ("Graphviz", "dot"),
    }
}

/// What is saved has its kind's extension, also where the dialog does not see to it.
fn with_extension(choice: &Choice, path: PathBuf) -> PathBuf {
    if *choice == Choice::Open || path.extension().is_some() {
        return path;
    }
    path.with_extension(filter(choice).1)
}
