//! Choosing files: the system's dialog on a thread of its own, or one inside the window where no dialog service answers.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use egui_file_dialog::{FileDialog, FileDialogLabels};

use crate::session::ExportFormat;

use super::theme::Theme;

/// A dialog that says "cancelled" sooner than anybody can press a button was never shown, in seconds.
const NEVER_SHOWN: f64 = 0.3;

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
#[derive(Default)]
pub(crate) struct Files {
    asked: Option<Asked>,
    inside: Option<(Choice, FileDialog)>,
}

/// A question to the system's dialog.
struct Asked {
    choice: Choice,
    name: String,
    folder: Option<PathBuf>,
    answer: Receiver<Option<PathBuf>>,
    since: f64,
}

impl Files {
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
        let (for_thread, wake) = ((choice.clone(), name.to_owned(), folder.clone()), ctx.clone());
        // The dialog blocks whoever shows it: a thread of its own, and the window goes on.
        std::thread::spawn(move || {
            let (choice, name, folder) = for_thread;
            let mut dialog = rfd::FileDialog::new().set_file_name(&name);
            let (label, extension) = filter(&choice);
            dialog = dialog.add_filter(label, &[extension]);
            if let Some(folder) = folder {
                dialog = dialog.set_directory(folder);
            }
            let path = match choice {
                Choice::Open => dialog.set_title("Open flow").pick_file(),
                Choice::SaveAs => dialog.set_title("Save flow").save_file(),
                Choice::Export(_) => dialog.set_title("Export drawing").save_file(),
            };
            // Nobody listens any more if the window was closed meanwhile.
            drop(answer.send(path));
            wake.request_repaint();
        });
        let since = ctx.input(|input| input.time);
        self.asked = Some(Asked { choice, name: name.to_owned(), folder, answer: answered, since });
    }

    /// The file that was chosen since the last call.
    pub(crate) fn take(&mut self, ctx: &egui::Context) -> Option<(Choice, PathBuf)> {
        if let Some(asked) = self.asked.take() {
            match asked.answer.try_recv() {
                Err(TryRecvError::Empty) => self.asked = Some(asked),
                Ok(Some(path)) => return Some((asked.choice.clone(), with_extension(&asked.choice, path))),
                Ok(None) | Err(TryRecvError::Disconnected) => {
                    let now = ctx.input(|input| input.time);
                    if now - asked.since < NEVER_SHOWN {
                        self.inside = Some(open_inside(asked.choice, &asked.name, asked.folder));
                        ctx.request_repaint();
                    }
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

fn open_inside(choice: Choice, name: &str, folder: Option<PathBuf>) -> (Choice, FileDialog) {
    let (label, extension) = filter(&choice);
    let mut dialog = FileDialog::new()
        .as_modal(true)
        .default_size([720.0, 460.0])
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
        .labels(labels())
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
fn labels() -> FileDialogLabels {
    let plain = |text: &str| text.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
    let mut labels = FileDialogLabels::default();
    for label in [
        &mut labels.title_select_file,
        &mut labels.title_save_file,
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
    labels
}

const fn filter(choice: &Choice) -> (&'static str, &'static str) {
    match choice {
        Choice::Open | Choice::SaveAs | Choice::Export(ExportFormat::Ron) => ("Flow (*.ron)", "ron"),
        Choice::Export(ExportFormat::Mermaid) => ("Mermaid (*.mmd)", "mmd"),
        Choice::Export(ExportFormat::Dot) => ("Graphviz (*.dot)", "dot"),
    }
}

/// What is saved has its kind's extension, also where the dialog does not see to it.
fn with_extension(choice: &Choice, path: PathBuf) -> PathBuf {
    if *choice == Choice::Open || path.extension().is_some() {
        return path;
    }
    path.with_extension(filter(choice).1)
}
