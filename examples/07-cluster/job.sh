#!/bin/bash
# Trains on 8 machines; goes on where an earlier job has stopped.
#SBATCH --job-name=kinema
#SBATCH --nodes=8
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --time=12:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
resume=()
[ -e run/last.safetensors ] && resume=(--resume)
srun --mpi=pmix ./trainer train --train videos/train.txt --test videos/test.txt --out run --threads 32 "${resume[@]}"
