//! See [`dpdkgen_fuzz::frame`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(frame);
