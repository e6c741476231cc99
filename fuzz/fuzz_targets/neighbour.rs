//! See [`dpdkgen_fuzz::neighbour`].
#![cfg_attr(fuzzing, no_main)]

dpdkgen_fuzz::target!(neighbour);
