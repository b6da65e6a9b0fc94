//! Against the real service, with a cable on the machine and with radios in a guest, and against bad ones.

mod cable;
mod faults;
mod guest;
mod stage;
