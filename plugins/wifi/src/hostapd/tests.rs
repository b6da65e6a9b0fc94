//! Against the real service: without a radio and on a cable on this machine, with radios in a guest; and against bad ones.

mod cable;
mod faults;
mod guest;
mod none;
mod stage;
