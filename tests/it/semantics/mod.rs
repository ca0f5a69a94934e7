//! The rules of the embedded bus and its nodes, each by its number: what a rule promises, with figures, at its edges.
//!
//! Every run here recounts its ledger after each step (see [`crate::support::fold`]), so each row also tests the laws C1
//! to C5 and the caps S3, S6, S7, S8, S10, S17 to S20, S24, S25, S37 and S38 all along.

mod calls;
mod dedup;
mod delivery;
mod faults;
mod functions;
mod groups;
mod guards;
mod idempotence;
mod lineage;
mod order;
mod pressure;
mod replay;
mod retention;
mod retry;
mod second_opinion;
mod sources;
mod topics;
mod waiting;
